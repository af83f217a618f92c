#include <cstdio>
#include <exception>
#include <utility>
#include <vector>

#include "check.hpp"

namespace {

std::vector<std::pair<const char*, void (*)()>>& test_cases() {
    static std::vector<std::pair<const char*, void (*)()>> cases;
    return cases;
}

int failures = 0;

}  // namespace

TestCase::TestCase(const char* name, void (*run)()) { test_cases().emplace_back(name, run); }

void report_failure(const char* file, int line, const std::string& what) {
    std::fprintf(stderr, "%s:%d: %s\n", file, line, what.c_str());
    ++failures;
}

int main() {
    for (const auto& [name, run] : test_cases()) {
        try {
            run();
        } catch (const std::exception& e) {
            report_failure(name, 0, e.what());
        }
    }
    std::printf("%zu test cases, %d failures\n", test_cases().size(), failures);
    return failures == 0 ? 0 : 1;
}
