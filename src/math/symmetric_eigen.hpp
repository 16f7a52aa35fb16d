// Eigenvalues of a symmetric matrix and the eigenvectors of its largest ones, directly and
// completely: Householder's tridiagonalisation (Martin, Reinsch & Wilkinson 1968, tred2), then the
// implicit QL algorithm (Dubrulle, Martin & Wilkinson 1968).
//
// Why not a library's solver: it must stop within a second when it is asked to, live in memory that
// somebody else accounts for, and give the same bits on every instruction set. Why not an iterative
// one: it can miss an eigenvalue, and equal ones slow it down.
//
// QL would need an n×n matrix for the eigenvectors. Here it runs twice: once for the values, with a
// checkpoint of the tridiagonal matrix every few sweeps; then from the last checkpoint back to the
// first, its rotations are repeated and applied in reverse order to the k unit vectors that belong
// to the k largest values. That is O(n² k) work, and orthogonality does not depend on gaps between
// the values.
#pragma once

#include <cstddef>
#include <span>

#include "core/arena.hpp"
#include "core/interrupt.hpp"
#include "core/span.hpp"

namespace vecdot::math {

// What leading_eigenpairs() allocates beside its arguments.
std::size_t eigen_bytes(std::size_t n, std::size_t k);

// matrix: the lower triangle row by row (row i at i(i+1)/2), destroyed. values: all n eigenvalues,
// largest first. vectors: k×n, row j the unit eigenvector of values[j]; its sign is arbitrary.
// Errors are about 1e-15 of the largest |value| times n. Polls the interrupt every millisecond or
// so (n <= 2000).
void leading_eigenpairs(std::span<double> matrix, std::span<double> values,
                        core::MatrixView<double> vectors, core::Arena arena,
                        core::Interrupt interrupt);

}  // namespace vecdot::math
