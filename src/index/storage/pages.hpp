// Reading, checking and changing single pages.
#pragma once

#include "index/format/page.hpp"

extern "C" {
#include "access/generic_xlog.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"
}

namespace vecdot::index {

#if PG_VERSION_NUM < 190000
using BufferLockMode = int;
#endif

// ERROR, ERRCODE_INDEX_CORRUPTED: names the index and the block.
[[noreturn]] void corrupted(Relation index, BlockNumber block, const char* format, ...)
    __attribute__((format(printf, 3, 4)));

// What a page must say of itself. A cell's pages carry its number and generation, the directory's
// pages 0 and 0.
struct PageIdentity {
    PageKind kind;
    uint32 cell;
    uint32 position;
    uint64 generation;
};

// Raises an ERROR unless page is what it should be. A page of another generation is damage on a
// primary, where nothing is reused while somebody may read it; on a standby, where vacuum's reuse
// is replayed under running queries, it is ERRCODE_T_R_SERIALIZATION_FAILURE.
void check_page(Relation index, BlockNumber block, Page page, const PageIdentity& identity);

// LockBuffer(), but an ERROR where this backend holds the lock already: a damaged number that leads
// back to a locked page would make it wait for itself for ever.
void lock_buffer(Relation index, Buffer buffer, BufferLockMode lock);

// ReadBuffer(), which looks first where this process found the block the last time: a search reads
// more than a thousand pages, and the table of buffers costs more than most of them.
Buffer read_buffer(Relation index, BlockNumber block);

// Where the block stood when this process last read it, or null: for prefetching alone, since
// another may stand there now.
const char* remembered_page(Relation index, BlockNumber block);

// Has the first lines of a page fetched, if it seems to be in shared buffers.
void prefetch_page(Relation index, BlockNumber block, uint32 lines);

// Has pages read from disk while this process goes on.
struct ReadAhead {
    Relation index;
    int pages;  // effective_io_concurrency where the relation's file is; 0: nothing is read ahead
    uint32 there = 0;  // pages, since one was missing
    uint32 skipped = 0;

    explicit ReadAhead(Relation relation);

    // Blocks start ... start + count − 1, those of the first `known`, if they seem not to be in
    // shared buffers.
    void ask(BlockNumber start, uint32 count, BlockNumber known);
};

// Reads, locks (BUFFER_LOCK_SHARE or BUFFER_LOCK_EXCLUSIVE) and checks a page.
Buffer read_page(Relation index, BlockNumber block, const PageIdentity& identity,
                 BufferLockMode lock);

// Raises an ERROR unless the file has blocks up to end (exclusive); *known is the length last
// seen, so that the file system is asked only when that isn't enough.
void check_blocks(Relation index, BlockNumber block, BlockNumber end, BlockNumber* known);

// Formats a page image: empty payload.
void init_page(Page page, const PageIdentity& identity);

// Raises an ERROR if the meta page's number of allocated blocks can't be true: the file follows the
// allocation, and no single piece of it is larger than all before. A damaged number must not fill
// the disk.
void check_allocated(Relation index, BlockNumber allocated);

// Makes the file at least end blocks long; the new pages are zero. Allocation is a number on the
// meta page: the file follows when a page is first written.
void extend_to(Relation index, BlockNumber end, ForkNumber fork = MAIN_FORKNUM);

// Locks a page that nobody has written since its blocks were allocated, whatever its bytes are; all
// of it is to be written.
Buffer lock_fresh_page(Relation index, BlockNumber block);

// WAL-logged changes of up to four pages at once, as one atomic record. Unlogged relations take the
// same way and log nothing.
class Record {
  public:
    static constexpr int capacity = MAX_GENERIC_XLOG_PAGES;

    explicit Record(Relation index) : index_(index) {}

    // The image to change of a page that is locked exclusively; locked pages stay so.
    Page add(Buffer buffer);
    // The same of a fresh page, formatted.
    Page add_fresh(Buffer buffer, const PageIdentity& identity);
    int size() const { return count_; }
    // Logs and applies the changes.
    void finish();

  private:
    Relation index_;
    GenericXLogState* state_ = nullptr;
    int count_ = 0;
};

}  // namespace vecdot::index
