// Decodes sample JPEGs, whole, cut short and damaged, on pools of several sizes and from several
// callers at once.

#include "pcr/decode_pool.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

#include "check.hpp"

namespace {

using File = std::vector<uint8_t>;

File read_file(const std::filesystem::path& path) {
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

/// The first half, with EOI after it as levels of a record have it, or without.
File cut(const File& file, bool with_eoi) {
    File half(file.begin(), file.begin() + static_cast<ptrdiff_t>(file.size() / 2));
    if (with_eoi) half.insert(half.end(), {0xFF, 0xD9});
    return half;
}

File damaged(File file) {
    for (size_t at = file.size() / 2; at < file.size(); at += 97) file[at] ^= 0x55;
    return file;
}

std::vector<File> read_samples() {
    std::vector<File> files;
    for (const auto& entry : std::filesystem::directory_iterator(PCR_DECODE_SAMPLES)) {
        if (entry.path().extension() != ".jpg") continue;
        const File file = read_file(entry.path());
        files.insert(files.end(), {file, cut(file, true), cut(file, false), damaged(file)});
    }
    return files;
}

struct Result {
    std::vector<uint16_t> pixels;
    size_t failures = 0;

    bool operator==(const Result& other) const {
        return pixels == other.pixels && failures == other.failures;
    }
};

/// Every orientation, with and without a flip and a box.
std::vector<pcr::BatchItem> make_items(const std::vector<File>& files) {
    std::vector<pcr::BatchItem> items;
    for (const File& file : files) {
        pcr::BatchItem item;
        item.jpeg = {file.data(), file.size()};
        item.orientation = 1 + static_cast<int>(items.size() % 8);
        item.flip = items.size() % 2 != 0;
        if (items.size() % 3 != 0) item.box = pcr::Box{3, 2.5f, 40, 31.25f};
        items.push_back(item);
    }
    return items;
}

Result decode(pcr::DecodePool& pool, const std::vector<File>& files, pcr::Codec decoder,
              bool resize_first) {
    pcr::DecodeOptions options;
    options.decoder = decoder;
    options.resize_first = resize_first;
    pcr::OutputSpec output;
    output.dtype = pcr::DType::kFloat16;
    output.layout = pcr::Layout::kNHWC;
    output.width = 37;
    output.height = 29;
    Result result;
    result.pixels.resize(files.size() * 3 * output.width * output.height);
    output.data = result.pixels.data();
    result.failures = pool.begin(make_items(files), output, options).wait().size();
    return result;
}

}  // namespace

TEST_CASE(both_decoders_agree) {
    const std::vector<File> files = read_samples();
    CHECK(!files.empty());
    pcr::DecodePool pool(1);
    for (const bool resize_first : {false, true}) {
        const Result expected = decode(pool, files, pcr::Codec::kNative, resize_first);
        CHECK(expected.failures < files.size());
        CHECK(decode(pool, files, pcr::Codec::kLibjpeg, resize_first) == expected);
    }
}

TEST_CASE(threads_and_callers_do_not_matter) {
    const std::vector<File> files = read_samples();
    pcr::DecodePool one(1);
    pcr::DecodePool four(4);
    const Result expected = decode(one, files, pcr::Codec::kNative, false);
    std::vector<Result> results(3);
    std::vector<std::thread> callers;
    for (Result& result : results) {
        callers.emplace_back([&] { result = decode(four, files, pcr::Codec::kNative, false); });
    }
    for (std::thread& caller : callers) caller.join();
    for (const Result& result : results) CHECK(result == expected);
}
