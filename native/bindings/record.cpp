// Binding of RecordJoiner: see pcr/reader.py, its only user.

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <memory>
#include <utility>
#include <vector>

#include "bindings.hpp"
#include "buffers.hpp"
#include "pcr/record_joiner.hpp"

namespace py = pybind11;

namespace {

std::unique_ptr<pcr::RecordJoiner> make_joiner(const py::object& message, size_t levels) {
    const BufferView metadata(message);
    py::gil_scoped_release release;
    return std::make_unique<pcr::RecordJoiner>(metadata.span(), levels);
}

void feed(pcr::RecordJoiner& joiner, size_t level, const py::object& bytes) {
    const BufferView chunk(bytes);
    py::gil_scoped_release release;
    joiner.feed(level, chunk.span());
}

py::tuple finish(pcr::RecordJoiner& joiner) {
    pcr::JoinedImages joined = joiner.finish();
    return py::make_tuple(to_array(std::move(joined.buffer)), to_array(std::move(joined.offsets)),
                          to_array(joiner.labels()));
}

}  // namespace

void bind_record(py::module_& module) {
    py::class_<pcr::RecordJoiner>(module, "RecordJoiner")
        .def(py::init(&make_joiner), py::arg("metadata"), py::arg("levels"))
        .def("feed", &feed, py::arg("level"), py::arg("chunk"))
        .def("finish", &finish);
}
