// Keys of values: numbers of 8 bytes, made so that they are
//   - of exact kinds: as different and in the same order as the values;
//   - of numeric and uuid: in the same order, but equal for some values that are not;
//   - of hashed ones: equal for equal values. Such columns know no order.
// What a key is made of never changes: it is on disk.
#include "index/storage/keys.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "index/opclass.hpp"
#include "pg/guard.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/typcache.h"
#include "utils/uuid.h"
}

namespace vecdot::index {

namespace {

using engine::KeyCondition;

constexpr uint64 sign_bit = uint64{1} << 63;
constexpr uint64 greatest_key = std::numeric_limits<uint64>::max();

uint64 ordered_bits(double value) {
    if (std::isnan(value)) {
        // One is like another, and above all else.
        return greatest_key;
    }
    const double positive_zero = value + 0.0;
    uint64 bits;
    memcpy(&bits, &positive_zero, sizeof bits);
    return (bits & sign_bit) != 0 ? ~bits : bits | sign_bit;
}

[[noreturn]] void cannot_make(KeyKind kind, Oid type) {
    elog(ERROR, "keys of kind %d cannot be made of type %s", static_cast<int>(kind),
         format_type_be(type));
}

uint64 signed_key(Datum value, Oid type) {
    switch (get_typlen(type)) {
        case 2:
            return static_cast<uint64>(int64{DatumGetInt16(value)}) ^ sign_bit;
        case 4:
            return static_cast<uint64>(int64{DatumGetInt32(value)}) ^ sign_bit;
        case 8:
            return static_cast<uint64>(DatumGetInt64(value)) ^ sign_bit;
        default:
            cannot_make(KeyKind::signed_integer, type);
    }
}

uint64 unsigned_key(Datum value, Oid type) {
    switch (get_typlen(type)) {
        case 1:
            return DatumGetUInt8(value);
        case 4:
            return DatumGetUInt32(value);
        default:
            cannot_make(KeyKind::unsigned_integer, type);
    }
}

uint64 floating_key(Datum value, Oid type) {
    switch (get_typlen(type)) {
        case 4:
            return ordered_bits(static_cast<double>(DatumGetFloat4(value)));
        case 8:
            return ordered_bits(DatumGetFloat8(value));
        default:
            cannot_make(KeyKind::floating, type);
    }
}

// Rounded to float8, which no two values change their order by.
uint64 numeric_key(Datum value) {
    return ordered_bits(
        DatumGetFloat8(DirectFunctionCall1Coll(numeric_float8_no_overflow, InvalidOid, value)));
}

// The first eight bytes.
uint64 uuid_key(Datum value) {
    const pg_uuid_t* uuid = DatumGetUUIDP(value);
    uint64 key = 0;
    for (int i = 0; i < 8; ++i) {
        key = key << 8 | uuid->data[i];
    }
    return key;
}

// As hash indexes and partitions have it.
uint64 hash_key(Datum value, Oid type, Oid collation) {
    TypeCacheEntry* entry = lookup_type_cache(type, TYPECACHE_HASH_EXTENDED_PROC_FINFO);
    if (!OidIsValid(entry->hash_extended_proc)) {
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION),
                        errmsg("could not identify an extended hash function for type %s",
                               format_type_be(type))));
    }
    return DatumGetUInt64(
        FunctionCall2Coll(&entry->hash_extended_proc_finfo, collation, value, Int64GetDatum(0)));
}

uint64 make_key(KeyKind kind, Datum value, Oid type, Oid collation) {
    switch (kind) {
        case KeyKind::signed_integer:
            return signed_key(value, type);
        case KeyKind::unsigned_integer:
            return unsigned_key(value, type);
        case KeyKind::floating:
            return floating_key(value, type);
        case KeyKind::numeric:
            return numeric_key(value);
        case KeyKind::uuid:
            return uuid_key(value);
        case KeyKind::hash:
            return hash_key(value, type, collation);
        case KeyKind::none:
            break;
    }
    cannot_make(kind, type);
}

bool is_exact(KeyKind kind) {
    return kind == KeyKind::signed_integer || kind == KeyKind::unsigned_integer ||
           kind == KeyKind::floating;
}

// How the operator class of a column, from 1, makes keys.
KeyKind kind_of_class(Relation index, AttrNumber column) {
    FmgrInfo* procedure = index_getprocinfo(index, column, key_support);
    if (get_func_rettype(procedure->fn_oid) != INTERNALOID) {
        ereport(ERROR, (errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
                        errmsg("support function %d of index \"%s\" does not return internal",
                               key_support, RelationGetRelationName(index))));
    }
    return *reinterpret_cast<const KeyKind*>(
        DatumGetPointer(FunctionCall1Coll(procedure, InvalidOid, PointerGetDatum(nullptr))));
}

// Without its schema: from version 17 on CREATE INDEX has a search path of its own, in which types
// of extensions lie nowhere.
const char* type_of(Relation index, int column) {
    const Oid type = TupleDescAttr(RelationGetDescr(index), column)->atttypid;
    const char* name = format_type_be(type);
    HeapTuple row = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
    if (!HeapTupleIsValid(row)) {
        elog(ERROR, "cache lookup failed for type %u", type);
    }
    const Oid schema_id = reinterpret_cast<Form_pg_type>(GETSTRUCT(row))->typnamespace;
    ReleaseSysCache(row);
    const char* schema = quote_identifier(get_namespace_name(schema_id));
    const size_t length = strlen(schema);
    return strncmp(name, schema, length) == 0 && name[length] == '.' ? name + length + 1 : name;
}

// ---------------------------------------------------------------------------------------------
// Conditions

// The conditions of a scan as they are made.
struct Filter {
    Relation index;
    const KeyColumns* columns;
    engine::KeyFilter filter;
    KeyCondition* conditions;
    uint32 count;
    bool recheck;
};

void add(Filter* filter, const KeyCondition& condition) {
    filter->conditions[filter->count++] = condition;
}

// The keys that values which compare so with one of this key may have; false if there are none.
bool range_of(StrategyNumber strategy, uint64 key, bool exact, KeyCondition* condition) {
    condition->kind = KeyCondition::Kind::range;
    condition->least = 0;
    condition->greatest = greatest_key;
    switch (strategy) {
        case BTLessStrategyNumber:
        case BTLessEqualStrategyNumber:
            condition->greatest = key;
            if (exact && strategy == BTLessStrategyNumber) {
                condition->greatest -= 1;
                return key != 0;
            }
            return true;
        case BTEqualStrategyNumber:
            condition->least = condition->greatest = key;
            return true;
        case BTGreaterEqualStrategyNumber:
        case BTGreaterStrategyNumber:
            condition->least = key;
            if (exact && strategy == BTGreaterStrategyNumber) {
                condition->least += 1;
                return key != greatest_key;
            }
            return true;
        default:
            elog(ERROR, "unrecognized strategy number: %d", strategy);
    }
}

// One of an array's elements, as equal, or the one that leaves most of the others no say.
void add_array(Filter* filter, const ScanKeyData& scan_key, KeyKind kind, Oid collation,
               KeyCondition condition) {
    ArrayType* array = DatumGetArrayTypeP(scan_key.sk_argument);
    const Oid type = ARR_ELEMTYPE(array);
    int16 length;
    bool by_value;
    char alignment;
    get_typlenbyvalalign(type, &length, &by_value, &alignment);
    Datum* elements;
    bool* nulls;
    int count;
    deconstruct_array(array, type, length, by_value, alignment, &elements, &nulls, &count);
    uint64* keys = static_cast<uint64*>(palloc(sizeof(uint64) * static_cast<Size>(count + 1)));
    Size found = 0;
    for (int i = 0; i < count; ++i) {
        if (!nulls[i]) {
            keys[found++] = make_key(kind, elements[i], type, collation);
        }
    }
    if (found == 0) {
        filter->filter.passes_none = true;
        return;
    }
    std::sort(keys, keys + found);
    if (scan_key.sk_strategy == BTEqualStrategyNumber) {
        found = static_cast<Size>(std::unique(keys, keys + found) - keys);
        condition.kind = found == 1 ? KeyCondition::Kind::range : KeyCondition::Kind::list;
        condition.least = keys[0];
        condition.greatest = keys[found - 1];
        condition.list = {keys, found};
    } else {
        const bool is_less = scan_key.sk_strategy == BTLessStrategyNumber ||
                             scan_key.sk_strategy == BTLessEqualStrategyNumber;
        if (!range_of(scan_key.sk_strategy, is_less ? keys[found - 1] : keys[0], is_exact(kind),
                      &condition)) {
            filter->filter.passes_none = true;
            return;
        }
    }
    add(filter, condition);
}

void add_scan_key(Filter* filter, const ScanKeyData& scan_key) {
    if (scan_key.sk_attno == 1) {
        // Whether the vector is NULL, which has no key.
        filter->recheck = true;
        return;
    }
    const int column = scan_key.sk_attno - 2;
    if (column < 0 || column >= filter->columns->count) {
        elog(ERROR, "condition on column %d of index \"%s\"", scan_key.sk_attno,
             RelationGetRelationName(filter->index));
    }
    const KeyKind kind = filter->columns->kinds[column];
    const Oid collation = filter->index->rd_indcollation[scan_key.sk_attno - 1];
    KeyCondition condition{};
    condition.column = static_cast<uint32>(column);
    if ((scan_key.sk_flags & (SK_SEARCHNULL | SK_SEARCHNOTNULL)) != 0) {
        condition.kind = (scan_key.sk_flags & SK_SEARCHNULL) != 0 ? KeyCondition::Kind::is_null
                                                                  : KeyCondition::Kind::is_not_null;
        add(filter, condition);
        return;
    }
    // The operators are strict.
    if ((scan_key.sk_flags & SK_ISNULL) != 0) {
        filter->filter.passes_none = true;
        return;
    }
    filter->recheck = filter->recheck || !is_exact(kind);
    if ((scan_key.sk_flags & SK_SEARCHARRAY) != 0) {
        add_array(filter, scan_key, kind, collation, condition);
        return;
    }
    // The argument may be of another type of the column's family.
    const Oid type = OidIsValid(scan_key.sk_subtype) && !IsPolymorphicType(scan_key.sk_subtype)
                         ? scan_key.sk_subtype
                         : TupleDescAttr(RelationGetDescr(filter->index), column + 1)->atttypid;
    const uint64 key = make_key(kind, scan_key.sk_argument, type, collation);
    if (range_of(scan_key.sk_strategy, key, is_exact(kind), &condition)) {
        add(filter, condition);
    } else {
        filter->filter.passes_none = true;
    }
}

}  // namespace

KeyColumns key_columns_of(Relation index) {
    KeyColumns columns{};
    const int count = IndexRelationGetNumberOfKeyAttributes(index);
    if (!OidIsValid(index_getprocid(index, 1, vector_support))) {
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("the first column of a vecdot index must be a vector, not %s",
                               type_of(index, 0)),
                        errhint("Name the vector first, then the columns that queries filter by: "
                                "USING vecdot (embedding, tenant_id).")));
    }
    for (int i = 1; i < count; ++i) {
        if (OidIsValid(index_getprocid(index, static_cast<AttrNumber>(i + 1), vector_support))) {
            ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                            errmsg("column %d of a vecdot index cannot be a vector, it is %s",
                                   i + 1, type_of(index, i)),
                            errhint("Create an index for each vector column.")));
        }
    }
    if (count - 1 > static_cast<int>(engine::most_key_columns)) {
        ereport(ERROR, (errcode(ERRCODE_TOO_MANY_COLUMNS),
                        errmsg("a vecdot index cannot have more than %d columns behind the vector, "
                               "it has %d",
                               static_cast<int>(engine::most_key_columns), count - 1),
                        errhint("Filters by other columns are served too, by indexes of these.")));
    }
    columns.count = static_cast<uint8>(count - 1);
    for (int i = 1; i < count; ++i) {
        columns.kinds[i - 1] = kind_of_class(index, static_cast<AttrNumber>(i + 1));
    }
    return columns;
}

bool are_keys_of_classes(Relation index, const KeyColumns& columns) {
    for (int i = 0; i < columns.count; ++i) {
        if (columns.kinds[i] != kind_of_class(index, static_cast<AttrNumber>(i + 2))) {
            return false;
        }
    }
    return true;
}

engine::RowKeys make_keys(Relation index, const KeyColumns& columns, const Datum* values,
                          const bool* is_null) {
    engine::RowKeys keys{};
    for (int i = 0; i < columns.count; ++i) {
        if (is_null[i + 1]) {
            keys.nulls |= 1u << i;
        } else {
            keys.values[i] = make_key(columns.kinds[i], values[i + 1],
                                      TupleDescAttr(RelationGetDescr(index), i + 1)->atttypid,
                                      index->rd_indcollation[i + 1]);
        }
    }
    return keys;
}

const engine::KeyFilter* make_key_filter(Relation index, const KeyColumns& columns,
                                         const ScanKeyData* scan_keys, int count, bool* recheck) {
    *recheck = false;
    if (count == 0) {
        return nullptr;
    }
    Filter* filter = static_cast<Filter*>(palloc0(sizeof(Filter)));
    filter->index = index;
    filter->columns = &columns;
    filter->conditions = static_cast<KeyCondition*>(MemoryContextAllocHuge(
        CurrentMemoryContext, sizeof(KeyCondition) * static_cast<Size>(count)));
    for (int i = 0; i < count; ++i) {
        add_scan_key(filter, scan_keys[i]);
    }
    filter->filter.columns = columns.count;
    filter->filter.conditions = {filter->conditions, filter->count};
    *recheck = filter->recheck;
    const bool is_empty = filter->count == 0 && !filter->filter.passes_none;
    return is_empty ? nullptr : &filter->filter;
}

namespace {

constexpr KeyKind signed_integer = KeyKind::signed_integer;
constexpr KeyKind unsigned_integer = KeyKind::unsigned_integer;
constexpr KeyKind floating = KeyKind::floating;
constexpr KeyKind numeric = KeyKind::numeric;
constexpr KeyKind uuid = KeyKind::uuid;
constexpr KeyKind hash = KeyKind::hash;

}  // namespace

}  // namespace vecdot::index

using namespace vecdot;

VECDOT_FUNCTION(vecdot_key_signed) {
    PG_RETURN_POINTER(&index::signed_integer);
}

VECDOT_FUNCTION(vecdot_key_unsigned) {
    PG_RETURN_POINTER(&index::unsigned_integer);
}

VECDOT_FUNCTION(vecdot_key_float) {
    PG_RETURN_POINTER(&index::floating);
}

VECDOT_FUNCTION(vecdot_key_numeric) {
    PG_RETURN_POINTER(&index::numeric);
}

VECDOT_FUNCTION(vecdot_key_uuid) {
    PG_RETURN_POINTER(&index::uuid);
}

VECDOT_FUNCTION(vecdot_key_hash) {
    PG_RETURN_POINTER(&index::hash);
}
