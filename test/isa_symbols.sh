#!/bin/bash
# Prints each global or weak symbol that an object of one instruction set (build/free/kernels/isa_*.o)
# defines and that does not carry this set's own architecture in its mangled name, the table of the set
# apart: the linker could take such a symbol for everybody, and an older processor would meet
# instructions that it lacks.
cd "$(dirname "$0")/.." || exit 1

declare -A architecture=(
    [baseline]='N5xsimd(4sse2|6neon64|4neon)E|4sse2E|6neon64E'
    [avx2]='5xsimd4fma3INS[0-9A-Z_]*_4avx2EE|5xsimd4avx2E|4avx2E'
    [avx512]='8avx512[a-z]+E'
)

for object in $*; do
    set=$(basename "$object" .o)
    set=${set#isa_}
    if [ -z "${architecture[$set]:-}" ]; then
        echo "$object: unknown instruction set"
        continue
    fi
    symbols=$(nm --defined-only --extern-only --format=posix "$object") || echo "$object cannot be read"
    [ -n "$symbols" ] || echo "$object defines nothing"
    # DW.ref.*: a pointer to the exception personality, data and the same in every object.
    grep -vE "^_ZN6vecdot7kernels[0-9]+${set}_kernelsE |^DW\.ref\." <<<"$symbols" |
        grep -vE "^[^ ]*(${architecture[$set]})" | sed "s|^|$(basename "$object"): |"
done
