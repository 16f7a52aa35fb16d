// The cast that applies a type modifier, left out where the planner can see that it does nothing:
// no rewriting of a table whose column has the dimensions already.
#include "pg/guard.hpp"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "nodes/supportnodes.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}

using namespace vecdot;

namespace {

// Whether type's modifier says of its bytes what that of ours does: it is ours, or has the name and
// such an input function of modifiers as pgvector's type of that name has.
bool has_our_modifiers(Oid type, Oid ours) {
    if (type == ours) {
        return true;
    }
    HeapTuple one = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
    HeapTuple other = SearchSysCache1(TYPEOID, ObjectIdGetDatum(ours));
    bool alike = false;
    if (HeapTupleIsValid(one) && HeapTupleIsValid(other)) {
        const auto* a = reinterpret_cast<Form_pg_type>(GETSTRUCT(one));
        const auto* b = reinterpret_cast<Form_pg_type>(GETSTRUCT(other));
        if (OidIsValid(a->typmodin) && OidIsValid(b->typmodin) &&
            std::strcmp(NameStr(a->typname), NameStr(b->typname)) == 0) {
            const char* a_input = get_func_name(a->typmodin);
            const char* b_input = get_func_name(b->typmodin);
            alike = a_input != nullptr && b_input != nullptr && std::strcmp(a_input, b_input) == 0;
        }
    }
    if (HeapTupleIsValid(one)) {
        ReleaseSysCache(one);
    }
    if (HeapTupleIsValid(other)) {
        ReleaseSysCache(other);
    }
    return alike;
}

// The dimensions that every value of the expression has, or -1. Casts without a function are looked
// through.
int32 known_dimensions(Node* expression) {
    const Oid ours = exprType(expression);
    for (;;) {
        const int32 typmod = exprTypmod(expression);
        if (typmod >= 0 || !IsA(expression, RelabelType)) {
            return typmod;
        }
        expression = reinterpret_cast<Node*>(reinterpret_cast<RelabelType*>(expression)->arg);
        if (!has_our_modifiers(exprType(expression), ours)) {
            return -1;
        }
    }
}

Node* simplify(const FuncExpr* call) {
    if (list_length(call->args) != 3 || !IsA(lsecond(call->args), Const)) {
        return nullptr;
    }
    Node* source = static_cast<Node*>(linitial(call->args));
    const Const* modifier = lsecond_node(Const, call->args);
    if (modifier->constisnull) {
        return nullptr;
    }
    const int32 wanted = DatumGetInt32(modifier->constvalue);
    if (wanted >= 0 && wanted != known_dimensions(source)) {
        return nullptr;
    }
    return relabel_to_typmod(source, wanted);
}

}  // namespace

VECDOT_FUNCTION(vecdot_typmod_support) {
    Node* request = static_cast<Node*>(static_cast<void*>(PG_GETARG_POINTER(0)));
    if (IsA(request, SupportRequestSimplify)) {
        PG_RETURN_POINTER(simplify(reinterpret_cast<SupportRequestSimplify*>(request)->fcall));
    }
    PG_RETURN_POINTER(static_cast<void*>(nullptr));
}
