#include "jpeg/libjpeg.hpp"

#include <jerror.h>

#include <utility>

#include "pcr/error.hpp"

namespace pcr {
namespace {

[[noreturn]] void escape(j_common_ptr info) {
    auto* errors = static_cast<JpegErrors*>(info->err);
    errors->format_message(info, errors->text);
    std::longjmp(errors->escape, 1);
}

/// A warning has a level below zero.
void escape_on_warning(j_common_ptr info, int level) {
    if (level < 0) escape(info);
}

void ignore(j_common_ptr, int) {}

void start_output(j_compress_ptr info) {
    auto* destination = static_cast<JpegDestination*>(info->dest);
    destination->next_output_byte = destination->buffer.data.get();
    destination->free_in_buffer = destination->buffer.size;
}

boolean grow_output(j_compress_ptr info) {
    auto* destination = static_cast<JpegDestination*>(info->dest);
    Bytes& buffer = destination->buffer;
    const size_t size = buffer.size;
    auto* larger = static_cast<uint8_t*>(std::realloc(buffer.data.get(), size * 2));
    if (larger == nullptr) ERREXIT1(info, JERR_OUT_OF_MEMORY, 0);
    static_cast<void>(buffer.data.release());
    buffer.data.reset(larger);
    buffer.size = size * 2;
    destination->next_output_byte = larger + size;
    destination->free_in_buffer = size;
    return TRUE;
}

void finish_output(j_compress_ptr info) {
    auto* destination = static_cast<JpegDestination*>(info->dest);
    destination->buffer.size -= destination->free_in_buffer;
}

}  // namespace

JpegErrors::JpegErrors(JpegWarnings warnings) : jpeg_error_mgr{}, escape{}, text{} {
    jpeg_std_error(this);
    error_exit = pcr::escape;
    emit_message = warnings == JpegWarnings::kErrors ? escape_on_warning : ignore;
}

void JpegErrors::raise() const {
    if (msg_code == JERR_OUT_OF_MEMORY) throw std::bad_alloc();
    // How jmemnobs.c says that max_memory_to_use is reached.
    if (msg_code == JERR_NO_BACKING_STORE) {
        throw FormatError("JPEG needs more memory than the limit");
    }
    throw FormatError(text);
}

void escape_with(j_common_ptr info, const char* text) {
    auto* errors = static_cast<JpegErrors*>(info->err);
    errors->msg_code = 0;
    std::snprintf(errors->text, sizeof errors->text, "%s", text);
    std::longjmp(errors->escape, 1);
}

JpegDestination::JpegDestination(size_t initial_capacity)
    : jpeg_destination_mgr{}, buffer(Bytes::uninitialised(initial_capacity)) {
    init_destination = start_output;
    empty_output_buffer = grow_output;
    term_destination = finish_output;
}

Bytes JpegDestination::release() {
    void* fitted = std::realloc(buffer.data.get(), buffer.size);
    if (fitted != nullptr) {
        static_cast<void>(buffer.data.release());
        buffer.data.reset(static_cast<uint8_t*>(fitted));
    }
    return std::move(buffer);
}

}  // namespace pcr
