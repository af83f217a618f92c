// Python buffers as views of bytes, and native memory as NumPy arrays, both without a copy.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "pcr/bytes.hpp"

/// A view of a Python object's bytes (bytes, bytearray, memoryview, NumPy uint8 …), without a copy,
/// for as long as it lives. Anything that is not one contiguous row of bytes is a TypeError.
class BufferView {
  public:
    explicit BufferView(pybind11::handle object) {
        if (PyObject_GetBuffer(object.ptr(), &view_, PyBUF_ND | PyBUF_FORMAT) != 0) {
            PyErr_Clear();
            fail(object, "");
        }
        if (view_.ndim != 1 || (view_.format != nullptr && std::strcmp(view_.format, "B") != 0)) {
            const std::string found = " of format '" +
                                      std::string(view_.format ? view_.format : "B") +
                                      "' and dimension " + std::to_string(view_.ndim);
            PyBuffer_Release(&view_);
            fail(object, found);
        }
    }
    ~BufferView() {
        if (view_.obj != nullptr) PyBuffer_Release(&view_);
    }
    BufferView(BufferView&& other) noexcept : view_(std::exchange(other.view_, Py_buffer{})) {}
    BufferView(const BufferView&) = delete;
    BufferView& operator=(const BufferView&) = delete;

    pcr::ByteSpan span() const {
        return {static_cast<const uint8_t*>(view_.buf), static_cast<size_t>(view_.len)};
    }

  private:
    [[noreturn]] static void fail(pybind11::handle object, const std::string& found) {
        throw pybind11::type_error("expected contiguous bytes (uint8), found " +
                                   std::string(Py_TYPE(object.ptr())->tp_name) + found);
    }

    Py_buffer view_{};
};

/// The views of a sequence of buffers.
class BufferViews {
  public:
    explicit BufferViews(const pybind11::sequence& objects) {
        views_.reserve(objects.size());
        for (pybind11::handle object : objects) {
            views_.emplace_back(object);
            spans_.push_back(views_.back().span());
        }
    }

    const std::vector<pcr::ByteSpan>& spans() const { return spans_; }

  private:
    std::vector<BufferView> views_;
    std::vector<pcr::ByteSpan> spans_;
};

/// NumPy array over `data`, which `owner` keeps alive: no copy.
template <typename Number, typename Owner>
pybind11::array_t<Number> to_array(const Number* data, std::vector<pybind11::ssize_t> shape,
                                   Owner owner) {
    auto held = std::make_unique<Owner>(std::move(owner));
    pybind11::capsule capsule(held.get(),
                              [](void* pointer) { delete static_cast<Owner*>(pointer); });
    static_cast<void>(held.release());
    return pybind11::array_t<Number>(std::move(shape), data, capsule);
}

template <typename Number>
pybind11::array_t<Number> to_array(std::vector<Number> numbers,
                                   std::vector<pybind11::ssize_t> shape) {
    const Number* data = numbers.data();  // read before the move: arguments have no order
    return to_array(data, std::move(shape), std::move(numbers));
}

template <typename Number>
pybind11::array_t<Number> to_array(std::vector<Number> numbers) {
    const auto size = static_cast<pybind11::ssize_t>(numbers.size());
    return to_array(std::move(numbers), {size});
}

/// Of pcr::Bytes or pcr::PooledBytes.
template <typename Owner>
pybind11::array_t<uint8_t> to_array(Owner bytes) {
    const pcr::ByteSpan span = bytes.span();
    return to_array(span.data, {static_cast<pybind11::ssize_t>(span.size)}, std::move(bytes));
}
