#include "index/storage/pages.hpp"

#include <cstdarg>

#include "pg/test_point.hpp"

extern "C" {
#include "access/xlog.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/buf_internals.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"
#include "utils/spccache.h"
}

namespace vecdot::index {

void corrupted(Relation index, BlockNumber block, const char* format, ...) {
    char detail[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(detail, sizeof detail, format, arguments);
    va_end(arguments);
    ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED),
                    errmsg("index \"%s\" is damaged at block %u: %s",
                           RelationGetRelationName(index), block, detail),
                    errhint("Please REINDEX it.")));
    pg_unreachable();
}

void check_page(Relation index, BlockNumber block, Page page, const PageIdentity& identity) {
    if (PageIsNew(page)) {
        corrupted(index, block, "page is empty");
    }
    const PageLabel* label = page_label(page);
    if (label->magic != page_magic) {
        corrupted(index, block, "page has magic number %08x instead of %08x", label->magic,
                  page_magic);
    }
    // What lies between the two, generic WAL fills with zeros.
    const PageHeader header = reinterpret_cast<PageHeader>(page);
    if (header->pd_lower != BLCKSZ || header->pd_upper != BLCKSZ) {
        corrupted(index, block, "page has a hole from %d to %d", header->pd_lower,
                  header->pd_upper);
    }
    if (label->generation != identity.generation || label->cell != identity.cell) {
        if (RecoveryInProgress()) {
            ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                            errmsg("canceling statement due to conflict with recovery"),
                            errdetail("The query read a part of index \"%s\" that has been reused.",
                                      RelationGetRelationName(index)),
                            errhint("Retry the query; hot_standby_feedback avoids this.")));
        }
        corrupted(index, block,
                  "page belongs to cell %u, generation " UINT64_FORMAT
                  " instead of cell %u, generation " UINT64_FORMAT,
                  label->cell, label->generation, identity.cell, identity.generation);
    }
    if (label->kind != identity.kind || label->position != identity.position) {
        corrupted(index, block, "page is number %u of kind %d instead of number %u of kind %d",
                  label->position, static_cast<int>(label->kind), identity.position,
                  static_cast<int>(identity.kind));
    }
}

namespace {

bool is_locked_by_me(Buffer buffer) {
    if (BufferIsLocal(buffer)) {
        return false;
    }
#if PG_VERSION_NUM >= 190000
    return BufferIsLockedByMe(buffer);
#else
    return LWLockHeldByMe(BufferDescriptorGetContentLock(GetBufferDescriptor(buffer - 1)));
#endif
}

}  // namespace

void lock_buffer(Relation index, Buffer buffer, BufferLockMode lock) {
    if (is_locked_by_me(buffer)) {
        corrupted(index, BufferGetBlockNumber(buffer), "two parts of the index share the block");
    }
    LockBuffer(buffer, lock);
}

namespace {

// Buffers where blocks were found, by block and relation; what stands there is only a guess, which
// the buffer's own tag confirms or not. 0 is none.
constexpr uint32 remembered_buffers = 1u << 17;
// A buffer found by its number does not count as used: of so many reads one goes the usual way, so
// that pages in use stay.
constexpr uint32 usual_way = 16;
Buffer* remembered = nullptr;
uint32 reads = 0;

#if PG_VERSION_NUM >= 160000
const RelFileLocator& file_of(Relation index) {
    return index->rd_locator;
}
uint32 file_number(Relation index) {
    return index->rd_locator.relNumber;
}
#else
const RelFileNode& file_of(Relation index) {
    return index->rd_node;
}
uint32 file_number(Relation index) {
    return index->rd_node.relNode;
}
#endif

uint32 place_of(Relation index, BlockNumber block) {
    return (block + file_number(index) * 0x9e3779b1u) % remembered_buffers;
}

}  // namespace

Buffer read_buffer(Relation index, BlockNumber block) {
    if (RelationUsesLocalBuffers(index)) {
        return ReadBuffer(index, block);
    }
    if (remembered == nullptr) {
        remembered = static_cast<Buffer*>(
            MemoryContextAllocZero(TopMemoryContext, remembered_buffers * sizeof(Buffer)));
    }
    Buffer& guess = remembered[place_of(index, block)];
    if (BufferIsValid(guess) && ++reads % usual_way != 0 &&
        ReadRecentBuffer(file_of(index), MAIN_FORKNUM, block, guess)) {
        pgstat_count_buffer_read(index);
        pgstat_count_buffer_hit(index);
        if (VacuumCostActive) {
            VacuumCostBalance += VacuumCostPageHit;
        }
        return guess;
    }
    const Buffer buffer = ReadBuffer(index, block);
    guess = buffer;
    return buffer;
}

const char* remembered_page(Relation index, BlockNumber block) {
    if (remembered == nullptr || RelationUsesLocalBuffers(index)) {
        return nullptr;
    }
    const Buffer guess = remembered[place_of(index, block)];
    return BufferIsValid(guess) ? reinterpret_cast<const char*>(BufferGetPage(guess)) : nullptr;
}

void prefetch_page(Relation index, BlockNumber block, uint32 lines) {
    const char* page = remembered_page(index, block);
    if (page != nullptr) {
        for (uint32 line = 0; line < lines; ++line) {
            __builtin_prefetch(page + line * unit_size);
        }
    }
}

namespace {

// Whether a block still stands where it was found the last time. Nothing is locked: a guess.
bool is_likely_there(Relation index, BlockNumber block) {
    if (remembered == nullptr || RelationUsesLocalBuffers(index)) {
        return false;
    }
    const Buffer guess = remembered[place_of(index, block)];
    if (!BufferIsValid(guess)) {
        return false;
    }
    const BufferTag& tag = GetBufferDescriptor(static_cast<uint32>(guess - 1))->tag;
#if PG_VERSION_NUM >= 160000
    return tag.blockNum == block && BufTagGetRelNumber(&tag) == file_number(index);
#else
    return tag.blockNum == block && tag.rnode.relNode == file_number(index);
#endif
}

}  // namespace

ReadAhead::ReadAhead(Relation relation)
    : index(relation), pages(get_tablespace_io_concurrency(relation->rd_rel->reltablespace)) {}

void ReadAhead::ask(BlockNumber start, uint32 count, BlockNumber known) {
    // So many pages in a row that were in shared buffers, and of the next only each eighth is
    // looked for, until one is missing.
    constexpr uint32 warm = 32;
    constexpr uint32 step = 8;
    if (pages == 0 || start >= known) {
        return;
    }
    const BlockNumber end = start + Min(count, known - start);
    for (BlockNumber block = start; block < end; ++block) {
        if (there >= warm && ++skipped % step != 0) {
            continue;
        }
        if (is_likely_there(index, block) ||
            BufferIsValid(PrefetchBuffer(index, MAIN_FORKNUM, block).recent_buffer)) {
            there += 1;
            continue;
        }
        there = 0;
        pg::test_point(index->rd_rel->relkind == RELKIND_INDEX ? "read ahead: index"
                                                               : "read ahead: table");
    }
}

Buffer read_page(Relation index, BlockNumber block, const PageIdentity& identity,
                 BufferLockMode lock) {
    const Buffer buffer = read_buffer(index, block);
    lock_buffer(index, buffer, lock);
    check_page(index, block, BufferGetPage(buffer), identity);
    return buffer;
}

void check_blocks(Relation index, BlockNumber block, BlockNumber end, BlockNumber* known) {
    if (end > *known || end == 0) {
        *known = RelationGetNumberOfBlocks(index);
        if (end > *known || end == 0) {
            corrupted(index, block, "it refers to block %u of %u", end - 1, *known);
        }
    }
}

void check_allocated(Relation index, BlockNumber allocated) {
    constexpr uint32 spare = 4096;
    const BlockNumber length = RelationGetNumberOfBlocks(index);
    if (allocated > spare && (allocated - spare) / 2 > length) {
        corrupted(index, meta_block, "%u blocks are said to be allocated, the file has %u",
                  allocated, length);
    }
}

void init_page(Page page, const PageIdentity& identity) {
    PageInit(page, BLCKSZ, 0);
    reinterpret_cast<PageHeader>(page)->pd_lower = BLCKSZ;
    PageLabel* label = page_label(page);
    label->magic = page_magic;
    label->kind = identity.kind;
    label->cell = identity.cell;
    label->position = identity.position;
    label->generation = identity.generation;
}

void extend_to(Relation index, BlockNumber end, ForkNumber fork) {
    if (RelationGetNumberOfBlocksInFork(index, fork) >= end) {
        return;
    }
    const bool shared = !RELATION_IS_LOCAL(index);
    if (shared) {
        LockRelationForExtension(index, ExclusiveLock);
    }
    for (BlockNumber n = RelationGetNumberOfBlocksInFork(index, fork); n < end; ++n) {
        ReleaseBuffer(ReadBufferExtended(index, fork, P_NEW, RBM_NORMAL, nullptr));
    }
    if (shared) {
        UnlockRelationForExtension(index, ExclusiveLock);
    }
}

Buffer lock_fresh_page(Relation index, BlockNumber block) {
    check_allocated(index, block);
    extend_to(index, block + 1);
    // Not RBM_ZERO_AND_LOCK, which would not notice that the lock is ours already.
    const Buffer buffer =
        ReadBufferExtended(index, MAIN_FORKNUM, block, RBM_ZERO_ON_ERROR, nullptr);
    lock_buffer(index, buffer, BUFFER_LOCK_EXCLUSIVE);
    return buffer;
}

Page Record::add(Buffer buffer) {
    if (state_ == nullptr) {
        state_ = GenericXLogStart(index_);
    }
    count_ += 1;
    return GenericXLogRegisterBuffer(state_, buffer, 0);
}

Page Record::add_fresh(Buffer buffer, const PageIdentity& identity) {
    if (state_ == nullptr) {
        state_ = GenericXLogStart(index_);
    }
    count_ += 1;
    const Page page = GenericXLogRegisterBuffer(state_, buffer, GENERIC_XLOG_FULL_IMAGE);
    init_page(page, identity);
    return page;
}

void Record::finish() {
    if (state_ != nullptr) {
        GenericXLogFinish(state_);
        state_ = nullptr;
        count_ = 0;
    }
}

}  // namespace vecdot::index
