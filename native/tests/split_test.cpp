#include "pcr/split.hpp"

#include "check.hpp"
#include "make_jpeg.hpp"
#include "pcr/header.hpp"

TEST_CASE(sequential_jpeg_is_one_scan) {
    const auto jpeg = make_jpeg({});
    const auto borders = pcr::split(span_of(jpeg));
    CHECK(borders.size() == 2);
    CHECK(borders.front() == 0);
    CHECK(borders.back() == static_cast<int64_t>(jpeg.size()) - 2);
}

TEST_CASE(every_scan_of_a_progression_begins_with_a_marker) {
    JpegKind kind;
    kind.progressive = true;
    kind.restart_interval = 2;
    const auto jpeg = make_jpeg(kind);
    const auto borders = pcr::split(span_of(jpeg));
    CHECK(borders.size() == 11);
    for (const int64_t border : borders) {
        CHECK(jpeg[border] == 0xFF);
        CHECK(jpeg[border + 1] >= 0xC0);
    }
}

TEST_CASE(bytes_after_eoi_are_ignored) {
    auto jpeg = make_jpeg({});
    const auto borders = pcr::split(span_of(jpeg));
    jpeg.insert(jpeg.end(), {1, 2, 0xFF, 0xDA, 0xFF});
    CHECK(pcr::split(span_of(jpeg)) == borders);
}

TEST_CASE(every_truncation_is_an_error) {
    const auto jpeg = make_jpeg({});
    for (size_t size = 0; size < jpeg.size(); ++size) {
        // A copy of its own, so that the sanitizer sees a read beyond it.
        const std::vector<uint8_t> truncated(jpeg.begin(), jpeg.begin() + size);
        CHECK_FORMAT_ERROR(pcr::split(span_of(truncated)), "");
    }
}

TEST_CASE(header_of_a_jpeg) {
    JpegKind kind;
    kind.width = 33;
    kind.height = 7;
    kind.progressive = true;
    const pcr::Header header = pcr::read_header(span_of(make_jpeg(kind)));
    CHECK(header.width == 33 && header.height == 7 && header.components == 3);
    CHECK(header.precision == 8 && header.progressive && !header.arithmetic);
    CHECK(header.color_space == pcr::ColorSpace::kYCbCr && header.orientation == 1);
}
