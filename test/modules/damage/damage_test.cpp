// Reads and writes pages of any relation in shared buffers, past all checks and without WAL: for
// the tests of damaged indexes, no part of the extension.
#include "pg/guard.hpp"

extern "C" {
#include "access/relation.h"
#include "catalog/storage.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"

PG_MODULE_MAGIC;
}

namespace {

Buffer lock_page(Relation relation, BlockNumber block) {
    const Buffer buffer = ReadBuffer(relation, block);
    LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
    return buffer;
}

void resize(Relation relation, BlockNumber blocks) {
    if (RelationGetNumberOfBlocks(relation) > blocks) {
        RelationTruncate(relation, blocks);
    }
    while (RelationGetNumberOfBlocks(relation) < blocks) {
        ReleaseBuffer(ReadBuffer(relation, P_NEW));
    }
}

}  // namespace

// damage_pages(regclass) RETURNS bytea: all pages.
VECDOT_FUNCTION(damage_pages) {
    const Relation relation = relation_open(PG_GETARG_OID(0), AccessExclusiveLock);
    const BlockNumber blocks = RelationGetNumberOfBlocks(relation);
    bytea* pages = static_cast<bytea*>(palloc(VARHDRSZ + Size{blocks} * BLCKSZ));
    SET_VARSIZE(pages, VARHDRSZ + Size{blocks} * BLCKSZ);
    for (BlockNumber block = 0; block < blocks; ++block) {
        const Buffer buffer = lock_page(relation, block);
        memcpy(VARDATA(pages) + Size{block} * BLCKSZ, BufferGetPage(buffer), BLCKSZ);
        UnlockReleaseBuffer(buffer);
    }
    relation_close(relation, AccessExclusiveLock);
    PG_RETURN_BYTEA_P(pages);
}

// damage_restore(regclass, bytea): all pages, and the file's length.
VECDOT_FUNCTION(damage_restore) {
    const Relation relation = relation_open(PG_GETARG_OID(0), AccessExclusiveLock);
    bytea* pages = PG_GETARG_BYTEA_PP(1);
    const BlockNumber blocks = VARSIZE_ANY_EXHDR(pages) / BLCKSZ;
    resize(relation, blocks);
    for (BlockNumber block = 0; block < blocks; ++block) {
        const Buffer buffer = lock_page(relation, block);
        memcpy(BufferGetPage(buffer), VARDATA_ANY(pages) + Size{block} * BLCKSZ, BLCKSZ);
        MarkBufferDirty(buffer);
        UnlockReleaseBuffer(buffer);
    }
    relation_close(relation, AccessExclusiveLock);
    PG_RETURN_VOID();
}

// damage_write(regclass, block integer, byte integer, bytes bytea)
VECDOT_FUNCTION(damage_write) {
    const Relation relation = relation_open(PG_GETARG_OID(0), AccessExclusiveLock);
    const int32 at = PG_GETARG_INT32(2);
    bytea* bytes = PG_GETARG_BYTEA_PP(3);
    const Size size = VARSIZE_ANY_EXHDR(bytes);
    if (at < 0 || at + size > BLCKSZ) {
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("beyond the page")));
    }
    const Buffer buffer = lock_page(relation, PG_GETARG_INT32(1));
    memcpy(static_cast<char*>(BufferGetPage(buffer)) + at, VARDATA_ANY(bytes), size);
    MarkBufferDirty(buffer);
    UnlockReleaseBuffer(buffer);
    relation_close(relation, AccessExclusiveLock);
    PG_RETURN_VOID();
}

// damage_resize(regclass, blocks integer)
VECDOT_FUNCTION(damage_resize) {
    const Relation relation = relation_open(PG_GETARG_OID(0), AccessExclusiveLock);
    resize(relation, PG_GETARG_INT32(1));
    relation_close(relation, AccessExclusiveLock);
    PG_RETURN_VOID();
}
