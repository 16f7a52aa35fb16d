// The expressions that an index's order is also that of: its operator, functions that compute the
// same, and what grows as the distance shrinks.
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "nodes/pathnodes.h"
}

namespace vecdot::index {

// A value v made from d, what the index's operator gives.
enum class Form {
    same,        // v = d
    negated,     // v = -d
    one_minus,   // v = 1 - d
    product,     // v = what a function gives, -d in every bit
    similarity,  // v = what a function gives, and d = 1 - v, rounded
};

// All but the first are the largest for the nearest.
inline bool is_descending(Form form) {
    return form != Form::same;
}

// From what the function gives to the value.
double value_from_function(Form form, double given);

// The value at the distance d, and no smaller (if descending, else no larger) than that of any row
// that is no nearer.
double value_at_bound(Form form, double bound);

// An expression over one relation whose order an index of ours gives.
struct Match {
    IndexOptInfo* index;
    Expr* value;  // the expression
    Form form;
    Node* vector;  // the row's
    Node* query;
    int vector_arg;  // which argument of the function is the row's vector: 0 or 1
    Oid function;    // that is called with both
    Oid distance;    // that of the index's operator
    Oid collation;
    Oid family;  // of the operators that compare values
};

// Whether the index gives the order of the expression.
bool match_value(Node* expression, IndexOptInfo* index, Match* match);

// Whether an index's order is that of a function of its column and a vector.
bool serves_function(const IndexOptInfo* index, Oid function, Form* form);

// A condition that compares a value with something: with what, and whether the value is to be
// less.
bool match_comparison(const RestrictInfo* condition, IndexOptInfo* index, Match* match,
                      Node** other, bool* is_less);

// Of a condition "value < r" (or <=; > and >= where the largest is the nearest; on either side) the
// r, and what it was compared with; else null.
Node* match_radius(const RestrictInfo* condition, IndexOptInfo* index, Match* match);

// Whether a condition compares a value with something, whatever the direction.
bool is_about_value(const RestrictInfo* condition, IndexOptInfo* index);

}  // namespace vecdot::index
