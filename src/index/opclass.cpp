#include "index/opclass.hpp"

#include <algorithm>

#include "core/half.hpp"
#include "pg/guard.hpp"
#include "pg/memory.hpp"
#include "pg/vector_datum.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "catalog/pg_index.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/varbit.h"
}

namespace vecdot::index {

namespace {

// pgvector has operator classes whose distance our index doesn't have: they are there, so that who
// asks for one is told.
[[noreturn]] void refuse(Relation index) {
    bool is_null = false;
    const oidvector* classes = reinterpret_cast<const oidvector*>(DatumGetPointer(
        SysCacheGetAttr(INDEXRELID, index->rd_indextuple, Anum_pg_index_indclass, &is_null)));
    HeapTuple tuple = SearchSysCache1(CLAOID, ObjectIdGetDatum(classes->values[0]));
    if (!HeapTupleIsValid(tuple)) {
        elog(ERROR, "cache lookup failed for operator class %u", classes->values[0]);
    }
    ereport(
        ERROR,
        (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
         errmsg("vecdot's index does not serve the operator class \"%s\"",
                NameStr(reinterpret_cast<const FormData_pg_opclass*>(GETSTRUCT(tuple))->opcname)),
         errhint("Leave the index out: the search reads the table, and is exact. Or index another "
                 "distance: vector and halfvec by <=>, <->, <#>, bit by <~>.")));
}

}  // namespace

const OperatorClass& operator_class_of(Relation index) {
    FmgrInfo* procedure = index_getprocinfo(index, 1, vector_support);
    // Whatever a superuser's own operator class names: what it returns is no number to be followed.
    if (get_func_rettype(procedure->fn_oid) != INTERNALOID) {
        ereport(ERROR, (errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
                        errmsg("support function 1 of index \"%s\" does not return internal",
                               RelationGetRelationName(index))));
    }
    const OperatorClass* told = reinterpret_cast<const OperatorClass*>(
        DatumGetPointer(FunctionCall1Coll(procedure, InvalidOid, Datum{0})));
    if (told == nullptr) {
        refuse(index);
    }
    return *told;
}

core::VectorView elements_of(const OperatorClass& operator_class, Datum value,
                             std::size_t dimensions) {
    const core::VectorView elements = operator_class.elements(value);
    if (elements.size() != dimensions) {
        ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                        errmsg("expected %zu dimensions, not %zu", dimensions, elements.size())));
    }
    return elements;
}

void check_query_dimensions(const OperatorClass& operator_class, std::size_t dimensions,
                            core::VectorView query) {
    if (query.size() != dimensions) {
        ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                        errmsg("different %s %zu and %zu", operator_class.counted, dimensions,
                               query.size())));
    }
}

int declared_dimensions(Relation index) {
    const Form_pg_attribute column = TupleDescAttr(RelationGetDescr(index), 0);
    int32 dimensions = column->atttypmod;
    // Those of a domain stand in its base type.
    getBaseTypeAndTypmod(column->atttypid, &dimensions);
    return Max(dimensions, 0);
}

namespace {

// Without its schema, which format_type_be() would name from PostgreSQL 17 on, where CREATE INDEX
// runs with a search_path of its own.
const char* name_of_type(Oid type) {
    const HeapTuple tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
    if (!HeapTupleIsValid(tuple)) {
        elog(ERROR, "cache lookup failed for type %u", type);
    }
    const FormData_pg_type* row = reinterpret_cast<const FormData_pg_type*>(GETSTRUCT(tuple));
    const char* name = pstrdup(NameStr(row->typname));
    ReleaseSysCache(tuple);
    return name;
}

}  // namespace

int dimensions_of(Relation index) {
    const int dimensions = declared_dimensions(index);
    const char* type = name_of_type(index->rd_opcintype[0]);
    if (dimensions < 1) {
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("column does not have dimensions"),
                        errhint("Declare it as %s(n), or index an expression such as "
                                "(embedding::%s(n)).",
                                type, type)));
    }
    const int most = operator_class_of(index).most_dimensions;
    if (dimensions > most) {
        ereport(ERROR,
                (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                 errmsg("column cannot have more than %d dimensions for vecdot index, it has %d",
                        most, dimensions)));
    }
    return dimensions;
}

namespace {

core::VectorView vector_elements(Datum value) {
    return pg::vector_from_datum(value)->view();
}

core::VectorView half_elements(Datum value) {
    const core::HalfView halves = pg::vector_from_datum<core::Half>(value)->view();
    const std::span<float> elements = pg::arena().allocate<float>(halves.size());
    std::transform(halves.begin(), halves.end(), elements.begin(),
                   [](core::Half half) { return core::to_float(half); });
    return elements;
}

// 0 and 1, the first bit first.
core::VectorView bit_elements(Datum value) {
    const VarBit* bits = DatumGetVarBitP(value);
    const std::span<float> elements =
        pg::arena().allocate<float>(static_cast<std::size_t>(VARBITLEN(bits)));
    const uint8* bytes = VARBITS(bits);
    for (std::size_t i = 0; i < elements.size(); ++i) {
        elements[i] = static_cast<float>((bytes[i / 8] >> (7 - i % 8)) & 1);
    }
    return elements;
}

using engine::Arithmetic;
using engine::Metric;

constexpr OperatorClass of_vector(Metric metric, Arithmetic arithmetic) {
    return {metric, arithmetic, pg::max_dimensions, "vector dimensions", vector_elements};
}

constexpr OperatorClass of_halfvec(Metric metric, Arithmetic arithmetic) {
    return {metric, arithmetic, pg::max_dimensions, "halfvec dimensions", half_elements};
}

constexpr OperatorClass vector_l2 = of_vector(Metric::l2, Arithmetic::float8);
constexpr OperatorClass vector_cosine = of_vector(Metric::cosine, Arithmetic::float8);
constexpr OperatorClass vector_ip = of_vector(Metric::inner_product, Arithmetic::float8);
constexpr OperatorClass halfvec_l2 = of_halfvec(Metric::l2, Arithmetic::float8);
constexpr OperatorClass halfvec_cosine = of_halfvec(Metric::cosine, Arithmetic::float8);
constexpr OperatorClass halfvec_ip = of_halfvec(Metric::inner_product, Arithmetic::float8);
constexpr OperatorClass bit_hamming{Metric::hamming, Arithmetic::float8, pg::max_dimensions,
                                    "bit lengths", bit_elements};

// For the operators of pgvector's own types.
constexpr OperatorClass float4_vector_l2 = of_vector(Metric::l2, Arithmetic::float4);
constexpr OperatorClass float4_vector_cosine = of_vector(Metric::cosine, Arithmetic::float4);
constexpr OperatorClass float4_vector_ip = of_vector(Metric::inner_product, Arithmetic::float4);
constexpr OperatorClass float4_halfvec_l2 = of_halfvec(Metric::l2, Arithmetic::float4);
constexpr OperatorClass float4_halfvec_cosine = of_halfvec(Metric::cosine, Arithmetic::float4);
constexpr OperatorClass float4_halfvec_ip = of_halfvec(Metric::inner_product, Arithmetic::float4);

}  // namespace

}  // namespace vecdot::index

using namespace vecdot;

VECDOT_FUNCTION(vecdot_not_served) {
    PG_RETURN_POINTER(static_cast<void*>(nullptr));
}

VECDOT_FUNCTION(vecdot_vector_l2) {
    PG_RETURN_POINTER(&index::vector_l2);
}

VECDOT_FUNCTION(vecdot_vector_cosine) {
    PG_RETURN_POINTER(&index::vector_cosine);
}

VECDOT_FUNCTION(vecdot_vector_ip) {
    PG_RETURN_POINTER(&index::vector_ip);
}

VECDOT_FUNCTION(vecdot_halfvec_l2) {
    PG_RETURN_POINTER(&index::halfvec_l2);
}

VECDOT_FUNCTION(vecdot_halfvec_cosine) {
    PG_RETURN_POINTER(&index::halfvec_cosine);
}

VECDOT_FUNCTION(vecdot_halfvec_ip) {
    PG_RETURN_POINTER(&index::halfvec_ip);
}

VECDOT_FUNCTION(vecdot_bit_hamming) {
    PG_RETURN_POINTER(&index::bit_hamming);
}

VECDOT_FUNCTION(vecdot_float4_vector_l2) {
    PG_RETURN_POINTER(&index::float4_vector_l2);
}

VECDOT_FUNCTION(vecdot_float4_vector_cosine) {
    PG_RETURN_POINTER(&index::float4_vector_cosine);
}

VECDOT_FUNCTION(vecdot_float4_vector_ip) {
    PG_RETURN_POINTER(&index::float4_vector_ip);
}

VECDOT_FUNCTION(vecdot_float4_halfvec_l2) {
    PG_RETURN_POINTER(&index::float4_halfvec_l2);
}

VECDOT_FUNCTION(vecdot_float4_halfvec_cosine) {
    PG_RETURN_POINTER(&index::float4_halfvec_cosine);
}

VECDOT_FUNCTION(vecdot_float4_halfvec_ip) {
    PG_RETURN_POINTER(&index::float4_halfvec_ip);
}
