#include "pcr/transcode.hpp"

#include <cstring>
#include <thread>

#include "check.hpp"
#include "make_jpeg.hpp"
#include "pcr/header.hpp"
#include "pcr/split.hpp"

namespace {

std::vector<JpegKind> all_kinds() {
    std::vector<JpegKind> kinds;
    for (const int components : {1, 2, 3, 4}) {
        for (const int sampling : {1, 2}) {
            for (const int restart_interval : {0, 3}) {
                for (const bool progressive : {false, true}) {
                    kinds.push_back({37, 29, components, sampling, restart_interval, progressive});
                }
            }
        }
    }
    kinds.push_back({1, 1, 3, 2, 0, false});
    return kinds;
}

bool same(pcr::ByteSpan a, pcr::ByteSpan b) {
    return a.size == b.size && std::memcmp(a.data, b.data, a.size) == 0;
}

}  // namespace

TEST_CASE(coefficients_stay_as_they_are) {
    const pcr::ScanScripts scripts = make_scripts();
    for (const JpegKind& kind : all_kinds()) {
        const auto jpeg = make_jpeg(kind);
        const pcr::Transcoded result = pcr::transcode(span_of(jpeg), scripts, {});
        CHECK(read_values(result.jpeg.span()) == read_values(span_of(jpeg)));
        CHECK(result.borders == pcr::split(result.jpeg.span()));
        CHECK(result.borders.size() == scripts.at(kind.components).size() + 1);
        CHECK(result.source.width == kind.width && result.source.components == kind.components);
    }
}

TEST_CASE(an_empty_script_gives_a_sequential_jpeg) {
    JpegKind kind;
    kind.progressive = true;
    const auto jpeg = make_jpeg(kind);
    const pcr::Transcoded result = pcr::transcode(span_of(jpeg), {{3, {}}}, {});
    CHECK(!pcr::read_header(result.jpeg.span()).progressive);
    CHECK(read_values(result.jpeg.span()) == read_values(span_of(jpeg)));
}

TEST_CASE(both_coders_write_the_same_bytes) {
    pcr::TranscodeOptions libjpeg;
    libjpeg.coder = pcr::Codec::kLibjpeg;
    for (const JpegKind& kind : all_kinds()) {
        const auto jpeg = make_jpeg(kind);
        const pcr::Transcoded ours = pcr::transcode(span_of(jpeg), make_scripts(), {});
        const pcr::Transcoded theirs = pcr::transcode(span_of(jpeg), make_scripts(), libjpeg);
        CHECK(same(ours.jpeg.span(), theirs.jpeg.span()));
        CHECK(ours.borders == theirs.borders);
    }
}

TEST_CASE(restart_markers_leave_the_coefficients_as_they_are) {
    for (const pcr::Codec coder : {pcr::Codec::kNative, pcr::Codec::kLibjpeg}) {
        pcr::TranscodeOptions options;
        options.coder = coder;
        options.restart_rows = 1;
        for (const JpegKind& kind : all_kinds()) {
            const auto jpeg = make_jpeg(kind);
            const pcr::Transcoded result = pcr::transcode(span_of(jpeg), make_scripts(), options);
            CHECK(read_values(result.jpeg.span()) == read_values(span_of(jpeg)));
            CHECK(result.borders == pcr::split(result.jpeg.span()));
        }
    }
}

/// Damage is refused, or the result has just the coefficients that libjpeg finds in the source.
TEST_CASE(damage_is_refused_or_kept) {
    const auto jpeg = make_jpeg({});
    int refused = 0;
    for (size_t i = 2; i + 2 < jpeg.size(); i += 3) {
        auto damaged = jpeg;
        damaged[i] ^= 0x55;
        try {
            const pcr::Transcoded result = pcr::transcode(span_of(damaged), make_scripts(), {});
            CHECK(read_values(result.jpeg.span()) == read_values(span_of(damaged)));
        } catch (const pcr::FormatError&) {
            ++refused;
        }
    }
    CHECK(refused > 0);
}

TEST_CASE(limits) {
    const auto jpeg = make_jpeg({});
    pcr::TranscodeOptions options;
    options.max_pixels = 48 * 40 - 1;
    CHECK_FORMAT_ERROR(pcr::transcode(span_of(jpeg), make_scripts(), options), "exceeds the limit");
    options = {};
    options.max_memory_bytes = 1000;
    CHECK_FORMAT_ERROR(pcr::transcode(span_of(jpeg), make_scripts(), options), "more memory");
    CHECK_FORMAT_ERROR(pcr::transcode(span_of(jpeg), {{1, {}}}, {}), "3 components");
}

TEST_CASE(threads_share_nothing) {
    const pcr::ScanScripts scripts = make_scripts();
    const auto jpeg = make_jpeg({});
    auto damaged = jpeg;
    damaged[jpeg.size() / 2] = 0xFF;
    damaged[jpeg.size() / 2 + 1] = 0xD5;
    const auto expected = read_values(span_of(jpeg));
    int good = 0;
    int refused = 0;
    std::thread damaged_loop([&] {
        for (int i = 0; i < 50; ++i) {
            try {
                pcr::transcode(span_of(damaged), scripts, {});
            } catch (const pcr::FormatError&) {
                ++refused;
            }
        }
    });
    for (int i = 0; i < 50; ++i) {
        good += read_values(pcr::transcode(span_of(jpeg), scripts, {}).jpeg.span()) == expected;
    }
    damaged_loop.join();
    CHECK(good == 50);
    CHECK(refused == 50);
}
