// For the sanitizers, without Python: decodes the JPEGs that are named on the command line, whole,
// cut short and damaged, on pools of several sizes and from several callers at once. Results must
// agree.
#include "pcr/decode_pool.hpp"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace pcr::decode;
using File = std::vector<uint8_t>;

void check(bool condition, const char* what) {
    if (condition) return;
    std::fprintf(stderr, "failed: %s\n", what);
    std::exit(1);
}

File read_file(const std::string& path) {
    std::ifstream stream(path, std::ios::binary);
    check(stream.good(), path.c_str());
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

/// Each file as it is, cut in the middle, and with some bytes changed.
std::vector<File> variants(int count, char** paths) {
    std::vector<File> files;
    for (int i = 0; i < count; ++i) {
        const File file = read_file(paths[i]);
        files.push_back(file);
        files.emplace_back(file.begin(), file.begin() + static_cast<ptrdiff_t>(file.size() / 2));
        File damaged = file;
        for (size_t at = file.size() / 2; at < file.size(); at += 97) damaged[at] ^= 0x55;
        files.push_back(damaged);
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

Result decode(DecodePool& pool, const std::vector<File>& files, Decoder decoder,
              bool resize_first) {
    std::vector<BatchItem> items;
    for (const File& file : files) {
        BatchItem item;
        item.jpeg = {file.data(), file.size()};
        item.orientation = 1 + static_cast<int>(items.size() % 8);
        item.flip = items.size() % 2 != 0;
        if (items.size() % 3 != 0) item.box = Box{3, 2.5f, 40, 31.25f};
        items.push_back(item);
    }
    DecodeOptions options;
    options.decoder = decoder;
    options.resize_first = resize_first;
    OutputSpec output;
    output.dtype = DType::kFloat16;
    output.layout = Layout::kNhwc;
    output.width = 37;
    output.height = 29;
    Result result;
    result.pixels.resize(files.size() * 3 * output.width * output.height);
    output.data = result.pixels.data();
    result.failures = pool.decode_batch(items, output, options).size();
    return result;
}

}  // namespace

int main(int argc, char** argv) {
    check(argc > 1, "usage: batch_test JPEG...");
    const std::vector<File> files = variants(argc - 1, argv + 1);
    DecodePool one(1);
    DecodePool four(4);
    for (bool resize_first : {false, true}) {
        const Result expected = decode(one, files, Decoder::kNative, resize_first);
        check(expected.failures < files.size(), "something decodes");
        check(decode(one, files, Decoder::kLibjpeg, resize_first) == expected,
              "both decoders agree");
        std::vector<std::thread> callers;
        for (int i = 0; i < 3; ++i) {
            callers.emplace_back([&] {
                check(decode(four, files, Decoder::kNative, resize_first) == expected,
                      "threads do not matter");
            });
        }
        for (std::thread& caller : callers) caller.join();
    }
    std::printf("%zu images agree\n", files.size());
    return 0;
}
