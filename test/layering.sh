#!/bin/bash
# Prints every #include that breaks the layering: index, linalg, type -> pg -> kernels -> core, linalg -> math,
# index -> engine, math and engine -> kernels. Within index: search_node, inspect -> am -> build -> upkeep ->
# storage -> format -> what stands beside the rooms (opclass, options).
cd "$(dirname "$0")/.." || exit 1

declare -A allowed=(
    [core]="core"
    [kernels]="kernels core"
    [math]="math kernels core"
    [engine]="engine kernels core"
    [pg]="pg kernels core"
    [type]="type pg kernels core"
    [linalg]="linalg pg math kernels core"
    [module.cpp]="index pg"
    [index]="index pg engine kernels core"
)

declare -A rooms=(
    [index]=""
    [format]="format"
    [storage]="storage format"
    [upkeep]="upkeep storage format"
    [build]="build upkeep storage format"
    [am]="am build upkeep storage format"
    [inspect]="inspect am build upkeep storage format"
    [search_node]="search_node am build upkeep storage format"
)

# The room that a path below src/index leads to: index for what stands beside them.
room_of() {
    local rest=${1#index/}
    [[ $rest == */* ]] && echo "${rest%%/*}" || echo index
}

find src -name '*.cpp' -o -name '*.hpp' | sort | while IFS= read -r file; do
    layer=${file#src/}
    layer=${layer%%/*}
    if [ -z "${allowed[$layer]:-}" ]; then
        echo "$file: no such layer"
        continue
    fi
    room=
    if [ "$layer" = index ]; then
        room=$(room_of "${file#src/}")
        [ -n "${rooms[$room]+known}" ] || { echo "$file: no such room"; continue; }
    fi
    sed -nE 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*(["<][^">]+[">]).*/\1/p' "$file" | while IFS= read -r header; do
        name=${header:1:-1}
        top=${name%%/*}
        case $header in
            '"'*/*'"')
                if [ -d "src/$top" ] && [[ " ${allowed[$layer]} " != *" $top "* ]]; then
                    echo "$file: $layer includes $name"
                fi
                if [ -n "$room" ] && [ "$top" = index ] && [ "$(room_of "$name")" != index ] &&
                    [[ " ${rooms[$room]} " != *" $(room_of "$name") "* ]]; then
                    echo "$file: $room includes $name"
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
