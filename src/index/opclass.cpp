#include "index/opclass.hpp"

extern "C" {
#include "access/genam.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

namespace vecdot::index {

engine::Metric metric_of(Relation index) {
    FmgrInfo* procedure = index_getprocinfo(index, 1, 1);
    return static_cast<engine::Metric>(
        DatumGetInt32(FunctionCall1Coll(procedure, InvalidOid, PointerGetDatum(nullptr))));
}

int declared_dimensions(Relation index) {
    const Form_pg_attribute column = TupleDescAttr(RelationGetDescr(index), 0);
    int32 dimensions = column->atttypmod;
    // Those of a domain stand in its base type.
    getBaseTypeAndTypmod(column->atttypid, &dimensions);
    return Max(dimensions, 0);
}

int dimensions_of(Relation index) {
    const int dimensions = declared_dimensions(index);
    if (dimensions < 1) {
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("column does not have dimensions"),
                        errhint("Declare it as vector(n), or index an expression such as "
                                "(embedding::vector(n)).")));
    }
    return dimensions;
}

}  // namespace vecdot::index
