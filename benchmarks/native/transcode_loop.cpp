// The upper bound of conversion: read every file, transcode it to the standard ladder, nothing
// else.
//
//     transcode_loop native|libjpeg THREADS FILE_LIST      FILE_LIST: one path per line

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "pcr/transcode.hpp"

namespace {

// libjpeg's own progression (jpeg_simple_progression); for grayscale without the chroma scans.
const pcr::ScanScript kColour = {{3, {0, 1, 2}, 0, 0, 0, 1}, {1, {0}, 1, 5, 0, 2},
                                 {1, {2}, 1, 63, 0, 1},      {1, {1}, 1, 63, 0, 1},
                                 {1, {0}, 6, 63, 0, 2},      {1, {0}, 1, 63, 2, 1},
                                 {3, {0, 1, 2}, 0, 0, 1, 0}, {1, {2}, 1, 63, 1, 0},
                                 {1, {1}, 1, 63, 1, 0},      {1, {0}, 1, 63, 1, 0}};
const pcr::ScanScript kGrayscale = {{1, {0}, 0, 0, 0, 1},  {1, {0}, 1, 5, 0, 2},
                                    {1, {0}, 6, 63, 0, 2}, {1, {0}, 1, 63, 2, 1},
                                    {1, {0}, 0, 0, 1, 0},  {1, {0}, 1, 63, 1, 0}};

std::vector<std::string> read_lines(const char* path) {
    std::ifstream file(path);
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
}

std::vector<uint8_t> read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    const std::streamoff size = file.tellg();
    std::vector<uint8_t> bytes(size > 0 ? static_cast<size_t>(size) : 0);
    file.seekg(0);
    file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return bytes;
}

struct Totals {
    std::atomic<size_t> next{0};
    std::atomic<size_t> failed{0};
    std::atomic<uint64_t> bytes_in{0};
    std::atomic<uint64_t> bytes_out{0};
};

void transcode_files(const std::vector<std::string>& paths, pcr::Codec coder, Totals& totals) {
    const pcr::ScanScripts scripts = {{1, kGrayscale}, {3, kColour}};
    pcr::TranscodeOptions options;
    options.coder = coder;
    for (size_t i = totals.next++; i < paths.size(); i = totals.next++) {
        try {
            const std::vector<uint8_t> jpeg = read_file(paths[i]);
            totals.bytes_in += jpeg.size();
            totals.bytes_out +=
                pcr::transcode({jpeg.data(), jpeg.size()}, scripts, options).jpeg.size;
        } catch (const std::exception& e) {
            ++totals.failed;
            std::fprintf(stderr, "%s: %s\n", paths[i].c_str(), e.what());
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    const std::string name = argc == 4 ? argv[1] : "";
    const int threads = argc == 4 ? std::atoi(argv[2]) : 0;
    if (threads < 1 || (name != "native" && name != "libjpeg")) {
        std::fprintf(stderr, "usage: transcode_loop native|libjpeg THREADS FILE_LIST\n");
        return 2;
    }
    const pcr::Codec coder = name == "native" ? pcr::Codec::kNative : pcr::Codec::kLibjpeg;
    const std::vector<std::string> paths = read_lines(argv[3]);
    Totals totals;
    const auto start = std::chrono::steady_clock::now();
    std::vector<std::thread> pool;
    for (int i = 0; i < threads; ++i) {
        pool.emplace_back([&] { transcode_files(paths, coder, totals); });
    }
    for (std::thread& thread : pool) thread.join();
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const size_t images = paths.size() - totals.failed;
    std::printf("%zu images, %zu failed, %d threads, %.3f s, %.1f images/s, bytes %llu -> %llu\n",
                images, totals.failed.load(), threads, seconds, images / seconds,
                static_cast<unsigned long long>(totals.bytes_in.load()),
                static_cast<unsigned long long>(totals.bytes_out.load()));
    return totals.failed == 0 ? 0 : 1;
}
