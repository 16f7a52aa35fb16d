// What a call costs. The planner takes every function for one operator of the processor, 0.0025; a
// distance of 1,536 dimensions is several, and fetching such a value from where it is stored out of
// line is hundreds. Without that neither parallel workers nor an index seem worth their start.
#include <algorithm>

#include "pg/sparse_datum.hpp"
#include "type/dense.hpp"

extern "C" {
#include "access/detoast.h"
#include "access/heaptoast.h"
#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}

using namespace vecdot;

namespace {

// Elements that a kernel takes in while the executor calls a function: the unit of
// cpu_operator_cost.
constexpr double elements_per_operator = 256;

// What the planner charges for the processor's work on each page of an index that it descends.
constexpr double operators_per_page = 50;

// Stored out of line, what is left of a value in its row.
constexpr double pointer_width = TOAST_POINTER_SIZE;

// How a type's values are stored.
struct Stored {
    Size header;
    Size element;
    bool typmod_tells;  // the type modifier is the number of stored elements
    int most;           // elements

    double size(int elements) const { return static_cast<double>(header + element * elements); }
};

template <typename Element>
constexpr Stored dense{pg::vector_size<Element>(0), sizeof(Element), true, pg::max_dimensions};

struct Argument {
    int dim = 0;            // elements; 0: unknown
    bool external = false;  // of a column whose values may be stored out of line
    double width = 0;       // mean of what the rows hold, by the statistics; 0: unknown
};

void look_at_column(PlannerInfo* root, const Var* var, Argument& argument) {
    if (root == nullptr || var->varlevelsup != 0 || IS_SPECIAL_VARNO(var->varno) ||
        var->varattno < 1 || static_cast<int>(var->varno) > list_length(root->parse->rtable)) {
        return;
    }
    const RangeTblEntry* table = planner_rt_fetch(var->varno, root);
    if (table->rtekind != RTE_RELATION) {
        return;
    }
    HeapTuple tuple =
        SearchSysCache2(ATTNUM, ObjectIdGetDatum(table->relid), Int16GetDatum(var->varattno));
    if (!HeapTupleIsValid(tuple)) {
        return;
    }
    const char storage = reinterpret_cast<Form_pg_attribute>(GETSTRUCT(tuple))->attstorage;
    ReleaseSysCache(tuple);
    argument.external = storage == TYPSTORAGE_EXTERNAL || storage == TYPSTORAGE_EXTENDED;
    argument.width = get_attavgwidth(table->relid, var->varattno);
}

Argument look_at(PlannerInfo* root, Node* node, const Stored& stored) {
    Argument argument;
    const int32 typmod = exprTypmod(node);
    node = strip_implicit_coercions(node);
    if (IsA(node, Var)) {
        look_at_column(root, reinterpret_cast<const Var*>(node), argument);
    }
    const double element = static_cast<double>(stored.element);
    double elements = 0;
    if (typmod > 0 && stored.typmod_tells) {
        elements = typmod;
    } else if (IsA(node, Const) && !reinterpret_cast<const Const*>(node)->constisnull) {
        const Size size = toast_raw_datum_size(reinterpret_cast<const Const*>(node)->constvalue);
        elements = static_cast<double>(size - std::min(size, stored.header)) / element;
    } else if (argument.width > pointer_width) {
        elements = argument.width / element;
    }
    argument.dim = static_cast<int>(std::min(elements, static_cast<double>(stored.most)));
    return argument;
}

// The share of the column's values that are stored out of line.
double share_outside(const Argument& argument, double size) {
    // A small value stays in its row, there with a short header that makes it less wide than size.
    if (!argument.external || size <= VARATT_SHORT_MAX) {
        return 0;
    }
    if (argument.width <= 0) {
        // No statistics: as if the row had no other column.
        return size > TOAST_TUPLE_THRESHOLD ? 1 : 0;
    }
    return std::clamp((size - argument.width) / (size - pointer_width), 0.0, 1.0);
}

// Descending the table's TOAST index, reading the chunks and the pages they fill. The pages are
// priced as read in sequence, since values lie in the order in which they were stored.
double fetch_cost(double size) {
    const double content = size - VARHDRSZ;
    const double chunks = std::ceil(content / TOAST_MAX_CHUNK_SIZE);
    return operators_per_page * cpu_operator_cost +
           chunks * (cpu_index_tuple_cost + cpu_tuple_cost) + content / BLCKSZ * seq_page_cost;
}

bool price(SupportRequestCost* request, const Stored& stored) {
    List* nodes;
    if (request->node == nullptr) {
        return false;
    }
    if (IsA(request->node, FuncExpr)) {
        nodes = reinterpret_cast<FuncExpr*>(request->node)->args;
    } else if (IsA(request->node, OpExpr)) {
        nodes = reinterpret_cast<OpExpr*>(request->node)->args;
    } else {
        return false;
    }
    Argument arguments[2];
    int count = 0;
    int dim = 0;
    ListCell* cell;
    foreach (cell, nodes) {
        Node* node = static_cast<Node*>(lfirst(cell));
        // A factor is no vector.
        if (count < 2 && exprType(node) >= FirstNormalObjectId) {
            arguments[count] = look_at(request->root, node, stored);
            // Both have the same dimensions, or are alike: the first to tell is believed.
            dim = dim > 0 ? dim : arguments[count].dim;
            ++count;
        }
    }
    if (dim <= 0) {
        return false;
    }
    request->startup = 0;
    request->per_tuple = cpu_operator_cost * (1 + dim / elements_per_operator);
    for (int i = 0; i < count; ++i) {
        const double size = stored.size(dim);
        request->per_tuple += share_outside(arguments[i], size) * fetch_cost(size);
    }
    return true;
}

Datum answer(FunctionCallInfo fcinfo, const Stored& stored) {
    Node* request = static_cast<Node*>(static_cast<void*>(PG_GETARG_POINTER(0)));
    if (IsA(request, SupportRequestCost) &&
        price(reinterpret_cast<SupportRequestCost*>(request), stored)) {
        PG_RETURN_POINTER(request);
    }
    PG_RETURN_POINTER(static_cast<void*>(nullptr));
}

}  // namespace

VECDOT_DENSE_FUNCTION(vector_support, halfvec_support) {
    return answer(fcinfo, dense<Element>);
}

// Its type modifier says nothing of the elements that are stored.
VECDOT_FUNCTION(sparsevec_support) {
    return answer(fcinfo, {pg::sparse_size(0), pg::sparse_size(1) - pg::sparse_size(0), false,
                           pg::max_nonzeros});
}
