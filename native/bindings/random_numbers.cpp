// Python bindings of random windows, and of the numbers that they are drawn from.
#include "pcr/random_numbers.hpp"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <utility>
#include <vector>

#include "arguments.hpp"
#include "bindings.hpp"
#include "buffers.hpp"
#include "pcr/random_crops.hpp"

namespace py = pybind11;

namespace {

Array<double> uniforms(const Array<uint64_t>& keys, uint64_t stream, py::ssize_t count) {
    require(keys.ndim() == 1 && count >= 0, "expected keys (n,) and a count of 0 or more");
    Array<double> draws({keys.size(), count});
    for (py::ssize_t i = 0; i < keys.size(); ++i) {
        const pcr::Uniforms numbers(keys.at(i), stream);
        for (py::ssize_t k = 0; k < count; ++k) draws.mutable_at(i, k) = numbers[k];
    }
    return draws;
}

/// Boxes (n, 4) and flips (n,).
std::pair<py::array, py::array> random_resized_crops(const Array<int64_t>& sizes,
                                                     const Array<uint64_t>& keys,
                                                     const std::array<double, 2>& scale,
                                                     const std::array<double, 2>& ratio,
                                                     double flip) {
    const py::ssize_t n = keys.size();
    if (sizes.ndim() != 2 || sizes.shape(0) != n || sizes.shape(1) != 2 || keys.ndim() != 1) {
        throw py::value_error("sizes has shape " + shape_text(sizes) +
                              ", expected (n, 2) beside n keys");
    }
    const auto widths_and_heights = sizes.unchecked<2>();
    std::vector<float> boxes;
    Array<bool> flips(n);
    for (py::ssize_t i = 0; i < n; ++i) {
        const pcr::PictureSize size{static_cast<int32_t>(widths_and_heights(i, 0)),
                                    static_cast<int32_t>(widths_and_heights(i, 1))};
        const pcr::RandomCrop crop = pcr::draw_random_crop(size, keys.at(i), {scale, ratio, flip});
        boxes.insert(boxes.end(), {crop.box.x0, crop.box.y0, crop.box.width, crop.box.height});
        flips.mutable_at(i) = crop.flip;
    }
    return {to_array(std::move(boxes), {n, 4}), std::move(flips)};
}

}  // namespace

void bind_random_numbers(py::module_& m) {
    m.def("image_keys", py::vectorize(pcr::image_key), py::arg("epoch_key"), py::arg("images"),
          "uint64 (n,): what an image's draws of an epoch depend on.");
    m.def("uniforms", &uniforms, py::arg("keys").noconvert(), py::arg("stream"), py::arg("count"),
          "float64 (n, count): numbers in [0, 1) by SplitMix64 from each of n keys, uint64.");
    m.def("random_resized_crops", &random_resized_crops, py::arg("sizes").noconvert(),
          py::arg("keys").noconvert(), py::arg("scale"), py::arg("ratio"), py::arg("flip"),
          "Random windows as RandomResizedCrop draws them, and flips of that probability: float32 "
          "(n, 4), x, y, width, height, and bool (n,).\n\n"
          "sizes: int64 (n, 2), width and height. keys: uint64 (n,), on which the draws depend.");
}
