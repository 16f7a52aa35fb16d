#!/bin/bash
# Prints every #include that breaks the layering: index, linalg, type -> pg -> engine, math -> kernels -> core.
cd "$(dirname "$0")/.." || exit 1

declare -A allowed=(
    [core]="core"
    [kernels]="kernels core"
    [math]="math kernels core"
    [engine]="engine kernels core"
    [pg]="pg kernels core"
    [type]="type pg kernels core"
    [linalg]="linalg pg math kernels core"
    [index]="index pg engine kernels core"
)

find src -name '*.cpp' -o -name '*.hpp' | sort | while IFS= read -r file; do
    layer=${file#src/}
    layer=${layer%%/*}
    if [ -z "${allowed[$layer]:-}" ]; then
        echo "$file: no such layer"
        continue
    fi
    sed -nE 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*(["<][^">]+[">]).*/\1/p' "$file" | while IFS= read -r header; do
        name=${header:1:-1}
        top=${name%%/*}
        case $header in
            '"'*/*'"')
                if [ -d "src/$top" ] && [[ " ${allowed[$layer]} " != *" $top "* ]]; then
                    echo "$file: $layer includes $name"
                fi
                ;;
        esac
        case $name in
            xsimd/* | *intrin.h)
                [ "$layer" = kernels ] || echo "$file: only kernels may include $name"
                ;;
            postgres.h)
                [ "$file" = src/pg/postgres.hpp ] || echo "$file: postgres.h has one home, src/pg/postgres.hpp"
                ;;
        esac
        # PostgreSQL's headers: none of the server-free layers may see them.
        case $layer in
            core | kernels | math | engine)
                case $name in
                    postgres.h | fmgr.h | c.h | access/* | catalog/* | commands/* | executor/* | lib/* | libpq/* | \
                        miscadmin.h | nodes/* | optimizer/* | parser/* | port/* | storage/* | utils/*)
                        echo "$file: $layer must not know PostgreSQL ($name)"
                        ;;
                esac
                ;;
        esac
    done
done
