#include "pg/guard.hpp"

#include <exception>
#include <new>

#include "core/error.hpp"

namespace vecdot::pg {

namespace {

struct Failure {
    int sqlstate;
    bool cancelled;
    char message[core::Error::text_size];
    char detail[core::Error::text_size];
    char hint[core::Error::text_size];
};

// A backend is one thread: one place is enough, and it is there when memory is not.
Failure captured;

int sqlstate_of(core::ErrorCode code) {
    switch (code) {
        case core::ErrorCode::data_exception:
            return ERRCODE_DATA_EXCEPTION;
        case core::ErrorCode::numeric_out_of_range:
            return ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE;
        case core::ErrorCode::invalid_parameter:
            return ERRCODE_INVALID_PARAMETER_VALUE;
        case core::ErrorCode::invalid_text:
            return ERRCODE_INVALID_TEXT_REPRESENTATION;
        case core::ErrorCode::invalid_binary:
            return ERRCODE_INVALID_BINARY_REPRESENTATION;
        case core::ErrorCode::array_subscript:
            return ERRCODE_ARRAY_SUBSCRIPT_ERROR;
        case core::ErrorCode::null_not_allowed:
            return ERRCODE_NULL_VALUE_NOT_ALLOWED;
        case core::ErrorCode::limit_exceeded:
            return ERRCODE_PROGRAM_LIMIT_EXCEEDED;
        case core::ErrorCode::configuration_limit:
            return ERRCODE_CONFIGURATION_LIMIT_EXCEEDED;
        case core::ErrorCode::data_corrupted:
            return ERRCODE_DATA_CORRUPTED;
        case core::ErrorCode::index_corrupted:
            return ERRCODE_INDEX_CORRUPTED;
        case core::ErrorCode::cancelled:
            return ERRCODE_QUERY_CANCELED;
        case core::ErrorCode::internal:
            break;
    }
    return ERRCODE_INTERNAL_ERROR;
}

void capture(int sqlstate, const char* message, const char* detail, const char* hint) noexcept {
    captured.sqlstate = sqlstate;
    captured.cancelled = sqlstate == ERRCODE_QUERY_CANCELED;
    std::snprintf(captured.message, sizeof captured.message, "%s", message);
    std::snprintf(captured.detail, sizeof captured.detail, "%s", detail);
    std::snprintf(captured.hint, sizeof captured.hint, "%s", hint);
}

bool is_interrupt_pending() {
    return InterruptPending && InterruptHoldoffCount == 0 && CritSectionCount == 0 &&
           (ProcDiePending || (QueryCancelPending && QueryCancelHoldoffCount == 0));
}

}  // namespace

namespace detail {

void capture_exception() noexcept {
    try {
        throw;
    } catch (const core::Error& error) {
        capture(sqlstate_of(error.code), error.message, error.detail, error.hint);
    } catch (const std::bad_alloc&) {
        capture(ERRCODE_OUT_OF_MEMORY, "out of memory", "", "");
    } catch (const std::exception& exception) {
        capture(ERRCODE_INTERNAL_ERROR, exception.what(), "", "");
    } catch (...) {
        capture(ERRCODE_INTERNAL_ERROR, "unknown C++ exception", "", "");
    }
}

void report_captured() {
    if (captured.cancelled) {
        // Normally ends here, with the server's own message.
        CHECK_FOR_INTERRUPTS();
    }
    ereport(ERROR, (errcode(captured.sqlstate), errmsg("%s", captured.message),
                    captured.detail[0] != '\0' ? errdetail("%s", captured.detail) : 0,
                    captured.hint[0] != '\0' ? errhint("%s", captured.hint) : 0));
    pg_unreachable();
}

}  // namespace detail

core::Interrupt interrupt() {
    return core::Interrupt(is_interrupt_pending);
}

}  // namespace vecdot::pg
