#include "index/search_node/form.hpp"

#include <limits>

extern "C" {
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "optimizer/paths.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}

namespace vecdot::index {

double value_from_function(Form form, double given) {
    switch (form) {
        case Form::negated:
            return -given;
        case Form::one_minus:
            return 1 - given;
        default:
            return given;
    }
}

double value_at_bound(Form form, double bound) {
    // Of d = 1 - v, rounded, v may differ from 1 - d by half an ulp of d, which is at most 2.
    constexpr double rounding = 2 * std::numeric_limits<double>::epsilon();
    switch (form) {
        case Form::same:
            return bound;
        case Form::negated:
        case Form::product:
            return -bound;
        case Form::one_minus:
            return 1 - bound;
        case Form::similarity:
            return 1 - bound + rounding;
    }
    return bound;
}

namespace {

// What a node calls, with how many arguments.
struct Call {
    Oid function;
    List* args;
    Oid collation;
};

bool as_call(Node* node, int arguments, Call* call) {
    if (IsA(node, OpExpr)) {
        const OpExpr* expression = reinterpret_cast<const OpExpr*>(node);
        *call = {get_opcode(expression->opno), expression->args, expression->inputcollid};
    } else if (IsA(node, FuncExpr)) {
        const FuncExpr* expression = reinterpret_cast<const FuncExpr*>(node);
        *call = {expression->funcid, expression->args, expression->inputcollid};
    } else {
        return false;
    }
    return OidIsValid(call->function) && list_length(call->args) == arguments;
}

bool is_query_vector(Node* expression, Index relation) {
    return !bms_is_member(static_cast<int>(relation), pull_varnos(nullptr, expression)) &&
           !contain_volatile_functions(expression) && !contain_subplans(expression);
}

// The file that a C function is in, or null.
char* library_of(Oid function) {
    const HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
    if (!HeapTupleIsValid(tuple)) {
        return nullptr;
    }
    char* library = nullptr;
    if (reinterpret_cast<const FormData_pg_proc*>(GETSTRUCT(tuple))->prolang == ClanguageId) {
        bool is_null = false;
        const Datum path = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_probin, &is_null);
        library = is_null ? nullptr : TextDatumGetCString(path);
    }
    ReleaseSysCache(tuple);
    return library;
}

// Only then both are known to round alike.
bool are_of_one_library(Oid a, Oid b) {
    const char* first = library_of(a);
    const char* second = library_of(b);
    return first != nullptr && second != nullptr && strcmp(first, second) == 0;
}

bool is_name(const char* name, const char* other) {
    return name != nullptr && strcmp(name, other) == 0;
}

// What a function of two vectors is to the index's operator.
bool classify(Oid function, Oid op, Oid distance, Form* form) {
    if (function == distance) {
        *form = Form::same;
        return true;
    }
    const char* symbol = get_opname(op);
    const char* name = get_func_name(function);
    if (is_name(symbol, "<#>") && (is_name(name, "dot") || is_name(name, "inner_product"))) {
        *form = Form::product;
    } else if (is_name(symbol, "<=>") && is_name(name, "cosine_similarity")) {
        *form = Form::similarity;
    } else {
        return false;
    }
    return are_of_one_library(function, distance);
}

// A function of the index's column and something else: both ways round, as all of these are
// symmetric.
bool match_call(Node* node, IndexOptInfo* index, Match* match) {
    Call call;
    const Oid type = index->opcintype[0];
    const Oid op = get_opfamily_member(index->opfamily[0], type, type, 1);
    if (!as_call(node, 2, &call) || !OidIsValid(op)) {
        return false;
    }
    for (int i = 0; i < 2; ++i) {
        Node* vector = static_cast<Node*>(list_nth(call.args, i));
        Node* query = static_cast<Node*>(list_nth(call.args, 1 - i));
        if (match_index_to_operand(vector, 0, index) && is_query_vector(query, index->rel->relid)) {
            match->index = index;
            match->vector = vector;
            match->query = query;
            match->vector_arg = i;
            match->function = call.function;
            match->distance = get_opcode(op);
            match->collation = call.collation;
            match->family = get_op_opfamily_sortfamily(op, index->opfamily[0]);
            return OidIsValid(match->family) &&
                   classify(call.function, op, match->distance, &match->form);
        }
    }
    return false;
}

bool is_constant(const Node* node, double value) {
    const Const* constant = reinterpret_cast<const Const*>(node);
    return IsA(node, Const) && constant->consttype == FLOAT8OID && !constant->constisnull &&
           DatumGetFloat8(constant->constvalue) == value;
}

// What is subtracted from something, or multiplied by minus one.
Node* reversed_part(Node* node, Form* form) {
    Call call;
    if (as_call(node, 1, &call) && call.function == F_FLOAT8UM) {
        *form = Form::negated;
        return static_cast<Node*>(linitial(call.args));
    }
    if (!as_call(node, 2, &call)) {
        return nullptr;
    }
    Node* left = static_cast<Node*>(linitial(call.args));
    Node* right = static_cast<Node*>(lsecond(call.args));
    if (call.function == F_FLOAT8MI && is_constant(left, 1)) {
        *form = Form::one_minus;
        return right;
    }
    *form = Form::negated;
    return call.function != F_FLOAT8MUL ? nullptr
           : is_constant(left, -1)      ? right
           : is_constant(right, -1)     ? left
                                        : nullptr;
}

}  // namespace

bool match_value(Node* expression, IndexOptInfo* index, Match* match) {
    Form form = Form::same;
    Node* part = reversed_part(expression, &form);
    if (part == nullptr) {
        match->value = reinterpret_cast<Expr*>(expression);
        return match_call(expression, index, match);
    }
    if (!match_call(part, index, match) || match->form != Form::same) {
        return false;
    }
    match->form = form;
    match->value = reinterpret_cast<Expr*>(expression);
    return true;
}

bool serves_function(const IndexOptInfo* index, Oid function, Form* form) {
    const Oid type = index->opcintype[0];
    const Oid op = get_opfamily_member(index->opfamily[0], type, type, 1);
    return OidIsValid(op) && classify(function, op, get_opcode(op), form);
}

bool match_comparison(const RestrictInfo* condition, IndexOptInfo* index, Match* match,
                      Node** other, bool* is_less) {
    Node* clause = reinterpret_cast<Node*>(condition->clause);
    if (!IsA(clause, OpExpr) || list_length(reinterpret_cast<OpExpr*>(clause)->args) != 2) {
        return false;
    }
    const OpExpr* comparison = reinterpret_cast<const OpExpr*>(clause);
    for (int i = 0; i < 2; ++i) {
        if (!match_value(static_cast<Node*>(list_nth(comparison->args, i)), index, match)) {
            continue;
        }
        const int strategy = get_op_opfamily_strategy(comparison->opno, match->family);
        *other = static_cast<Node*>(list_nth(comparison->args, 1 - i));
        const bool less = strategy == BTLessStrategyNumber || strategy == BTLessEqualStrategyNumber;
        const bool greater =
            strategy == BTGreaterStrategyNumber || strategy == BTGreaterEqualStrategyNumber;
        *is_less = i == 0 ? less : greater;
        return less || greater;
    }
    return false;
}

Node* match_radius(const RestrictInfo* condition, IndexOptInfo* index, Match* match) {
    Node* radius = nullptr;
    bool is_less = false;
    return match_comparison(condition, index, match, &radius, &is_less) &&
                   is_less != is_descending(match->form) && exprType(radius) == FLOAT8OID &&
                   is_query_vector(radius, index->rel->relid)
               ? radius
               : nullptr;
}

bool is_about_value(const RestrictInfo* condition, IndexOptInfo* index) {
    Match match;
    Node* other = nullptr;
    bool is_less = false;
    return match_comparison(condition, index, &match, &other, &is_less);
}

}  // namespace vecdot::index
