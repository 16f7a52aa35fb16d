# vecdot: PGXS extension, server-free archive, tests. `make help` lists the targets.
PG_CONFIG ?= pg_config
export PG_CONFIG

# The commands install what they miss, so they work where there is no PostgreSQL yet.
COMMANDS = help check check-versions check-packages check-clients dist bench gallery demo demo-start demo-psql demo-stop
ifneq ($(filter $(COMMANDS),$(MAKECMDGOALS)),)
.NOTPARALLEL:
.PHONY: $(MAKECMDGOALS)

## make                  the library and the extension's script, for the PostgreSQL of PG_CONFIG
## make install          installs them there (DESTDIR=... elsewhere)
## make installcheck     the SQL tests on a running server that has the extension installed, as a superuser
help:
	@sed -n 's/^## //p' Makefile

## make check            every test; installs missing Debian packages, nothing else (ONLY='unit tap-*' picks)
check:
	@test/check.sh $(ONLY)

## make check-versions   PostgreSQL 17, 18 and 19 in chroots of later Debian releases, ARM in an emulator (root; CHROOTS=..., 8 GB)
check-versions:
	@CHROOTS='$(CHROOTS)' test/check_versions.sh $(ONLY)

## make check-packages   builds, installs and tests Debian packages in clean chroots of three releases (root; 3 GB)
check-packages:
	@CHROOTS='$(CHROOTS)' test/check_packages.sh $(ONLY)

## make check-clients    the database tests of pgvector's Python, Node.js and Go clients, from their repositories
check-clients:
	@test/check_clients.sh $(ONLY)

## make dist             build/vecdot-VERSION.tar.gz of what is committed
dist:
	@test/dist.sh build

## make demo             nearest neighbours of pictures on a cluster of its own, and a picture of them
demo:
	@examples/demo.sh

## make gallery          attention, PCA, a classifier, recommendations, lighting: build/gallery/index.html
gallery:
	@examples/gallery.sh $(ONLY)

## make demo-psql        psql on that cluster (demo-start and demo-stop: its server)
demo-start demo-psql demo-stop:
	@examples/cluster.sh $(@:demo-%=%)

## make bench            the kernels, then SQL beside pgvector: bench/README.md (ONLY='index recall linalg' ... picks)
bench:
	@bench/bench.sh $(ONLY)

# Other goals beside a command.
$(filter-out $(COMMANDS),$(MAKECMDGOALS)):
	$(MAKE) $@
else

EXTENSION = vecdot vecdot_pgvector
EXTVERSION = 0.1.0
MODULE_big = vecdot
SCRIPT = vecdot--$(EXTVERSION).sql
PGVECTOR_SCRIPT = vecdot_pgvector--$(EXTVERSION).sql
DATA_built = $(SCRIPT) $(PGVECTOR_SCRIPT)
DATA = $(wildcard src/updates/vecdot*--*--*.sql)

comma = ,

# The declarations of vector in the second argument as another type has them; its elements, if not float4.
of_type = $(patsubst %,$(BUILD)/sql/$(1)/%.sql,$(2))
elements_of_halfvec = half

# The SQL declarations, in the order of their dependencies.
SQL_PARTS = \
	src/pgvector/only_one.sql \
	src/type/only_one.sql \
	src/type/typmod_support.sql \
	src/type/vector.sql \
	src/type/vector_support.sql \
	src/type/vector_cast.sql \
	src/type/vector_subscript.sql \
	src/type/vector_set.sql \
	src/type/vector_distance.sql \
	src/type/vector_arithmetic.sql \
	src/type/vector_geometry.sql \
	src/type/vector_compare.sql \
	src/type/vector_aggregate.sql \
	$(call of_type,halfvec,vector vector_support vector_compare vector_aggregate) \
	src/type/halfvec.sql \
	src/type/sparsevec.sql \
	$(call of_type,sparsevec,vector_compare) \
	src/type/bit_distance.sql \
	src/linalg/elements.sql \
	src/linalg/projection.sql \
	src/linalg/attention.sql \
	src/linalg/pca.sql \
	src/linalg/discriminant.sql \
	src/index/am/handler.sql \
	src/index/opclass.sql \
	src/index/opclass_halfvec.sql \
	src/index/storage/keys.sql \
	src/index/inspect/inspect.sql \
	src/index/search_node/explain_query.sql

# Of these what pgvector's types don't have themselves, and operator classes for its operators.
PGVECTOR_PARTS = \
	src/pgvector/only_one.sql \
	src/type/vector_support.sql \
	src/type/vector_set.sql \
	src/type/vector_distance.sql \
	src/type/vector_arithmetic.sql \
	src/type/vector_geometry.sql \
	src/linalg/elements.sql \
	src/linalg/projection.sql \
	src/linalg/attention.sql \
	src/linalg/pca.sql \
	src/linalg/discriminant.sql \
	src/index/am/handler.sql \
	src/index/storage/keys.sql \
	src/index/inspect/inspect.sql \
	src/index/search_node/explain_query.sql

# In pgvector's place: an extension "vector" that is all of vecdot, and its index under the names of pgvector's.
AS_VECTOR_PARTS = \
	src/pgvector/as_vector_only_one.sql \
	$(filter-out %/only_one.sql,$(SQL_PARTS)) \
	src/pgvector/access_methods.sql \
	$(BUILD)/sql/hnsw/opclass.sql \
	$(BUILD)/sql/hnsw/opclass_halfvec.sql \
	$(BUILD)/sql/ivfflat/opclass.sql \
	$(BUILD)/sql/ivfflat/opclass_halfvec.sql \
	src/pgvector/not_served.sql

# After 0.8, which tools look for, and beyond pgvector's own releases: 0.1.0 is 0.8.100.
as_vector_version = 0.8.$(shell echo $(1) | awk -F. '{ print $$1 * 10000 + $$2 * 100 + $$3 }')
AS_VECTOR_VERSION := $(call as_vector_version,$(EXTVERSION))

CORE_SOURCES = $(sort $(wildcard src/core/*.cpp))
KERNEL_SOURCES = $(sort $(wildcard src/kernels/*.cpp))
ENGINE_SOURCES = $(sort $(wildcard src/engine/*.cpp))
MATH_SOURCES = $(sort $(wildcard src/math/*.cpp))
SERVER_SOURCES = $(sort $(wildcard src/*.cpp src/pg/*.cpp src/type/*.cpp src/linalg/*.cpp src/index/*.cpp src/index/*/*.cpp))

PG_MAJOR := $(shell $(PG_CONFIG) --version | sed -E 's/^PostgreSQL ([0-9]+).*/\1/')

# Everything built lies below BUILD; what depends on PostgreSQL in a folder of the major version.
BUILD ?= build
FREE = $(BUILD)/free
SERVER = $(BUILD)/pg$(PG_MAJOR)
ARCHIVE = $(FREE)/libvecdot.a

free_objects = $(patsubst src/%.cpp,$(FREE)/%.o,$(CORE_SOURCES) $(KERNEL_SOURCES) $(MATH_SOURCES) $(ENGINE_SOURCES))
server_objects = $(patsubst src/%.cpp,$(SERVER)/%.o,$(SERVER_SOURCES))
OBJS = $(server_objects)

REGRESS = $(sort $(patsubst sql/%.sql,%,$(wildcard sql/*.sql)))
# Before installcheck; pg_regress would say neither.
REGRESS_PREP = installcheck-conditions
REGRESS_OPTS = --inputdir=. --encoding=UTF8 --load-extension=vecdot
# Cells are counted: an insert is to have split them when it is done.
installcheck: export PGOPTIONS += -c vecdot.background_upkeep=off

override with_llvm = no
PGXS := $(shell $(PG_CONFIG) --pgxs)
ifeq ($(wildcard $(PGXS)),)
$(error no PostgreSQL development files by "$(PG_CONFIG) --pgxs": install postgresql-server-dev-all or give PG_CONFIG=...)
endif
# pgvector's library has functions of the same names: ours are to call their own.
SHLIB_LINK = -Wl,-Bsymbolic $(ARCHIVE) -lstdc++ -lm
EXTRA_CLEAN = $(BUILD) $(DATA_built)
include $(PGXS)

# PostgreSQL links with the C compiler's flags otherwise.
override COMPILER = $(CXX) $(CXXFLAGS)

# Our own flags, not PostgreSQL's: its CXXFLAGS hold options that some C++ compilers refuse.
OPTIMISE ?= -O3
WARNINGS = -Wall -Wextra -Wno-register $(WERROR)
VECDOT_CXXFLAGS = -std=c++20 $(OPTIMISE) -g -fPIC -fvisibility=hidden -fvisibility-inlines-hidden \
	-fno-strict-aliasing -fwrapv -ffp-contract=off -fno-omit-frame-pointer -fstack-protector-strong \
	-ffile-prefix-map=$(CURDIR)=. $(WARNINGS) $(EXTRA_CXXFLAGS)
override CXXFLAGS = $(VECDOT_CXXFLAGS)

avx2_flags = -mavx2 -mfma -mf16c
avx512_flags = $(avx2_flags) -mavx512f -mavx512cd -mavx512dq -mavx512bw -mavx512vl -mavx512vnni -mavx512ifma -mavx512vbmi
# g++ 12 takes the deliberately undefined operands in its own AVX-512 headers for mistakes (GCC bug 105593).
avx512_flags += $(if $(findstring clang,$(CXX)),,-Wno-uninitialized -Wno-maybe-uninitialized)
ISA_OBJECTS = $(FREE)/kernels/isa_baseline.o
ifneq ($(filter x86_64%,$(shell $(CXX) -dumpmachine)),)
ISA_OBJECTS += $(FREE)/kernels/isa_avx2.o $(FREE)/kernels/isa_avx512.o
else
free_objects := $(filter-out %/isa_avx2.o %/isa_avx512.o,$(free_objects))
endif
$(FREE)/kernels/isa_avx2.o: isa_flags = $(avx2_flags)
$(FREE)/kernels/isa_avx512.o: isa_flags = $(avx512_flags)
# Without optimisation inline functions of the instruction sets would become shared symbols.
$(FREE)/kernels/isa_%.o: OPTIMISE = -O3
# Kernels write no memory of their own.
$(FREE)/kernels/isa_%.o: EXTRA_CXXFLAGS += -fno-stack-protector -fomit-frame-pointer

$(FREE)/%.o: src/%.cpp Makefile
	@mkdir -p $(@D)
	$(CXX) $(VECDOT_CXXFLAGS) $(isa_flags) -Isrc -MMD -MP -c -o $@ $<

$(SERVER)/%.o: src/%.cpp Makefile
	@mkdir -p $(@D)
	$(CXX) $(VECDOT_CXXFLAGS) -Isrc -isystem $(includedir_server) -D_GNU_SOURCE -MMD -MP -c -o $@ $<

$(ARCHIVE): $(free_objects)
	@rm -f $@
	$(AR) rcsD $@ $^

# The library is of one version of PostgreSQL: for another it is linked again.
linked_for = $(BUILD)/linked-for-$(PG_MAJOR)
$(shlib): $(ARCHIVE) $(linked_for)
$(linked_for):
	@mkdir -p $(BUILD) && rm -f $(BUILD)/linked-for-* && touch $@

define of_type_rule
$(BUILD)/sql/$(1)/%.sql: src/type/%.sql
	@mkdir -p $$(@D)
	@sed 's/vector/$(1)/g; s/float4/$(or $(elements_of_$(1)),float4)/g' $$< > $$@
endef
$(eval $(call of_type_rule,halfvec))
$(eval $(call of_type_rule,sparsevec))

script_head = printf '%s\n' '-- complain if the script is sourced in psql rather than by CREATE EXTENSION' \
	'\echo Use "CREATE EXTENSION $(1)" to load this file. \quit'

$(SCRIPT): $(SQL_PARTS) Makefile
	@{ $(call script_head,vecdot); cat $(SQL_PARTS); } > $@.tmp
	@mv $@.tmp $@

# pgvector's operators sum in float4; its releases before 0.7 have neither halfvec nor distances of bit.
pgvector_operators = sed -E 's/vecdot_(vector|halfvec)_(l2|cosine|ip)/vecdot_float4_\1_\2/g'

$(PGVECTOR_SCRIPT): $(PGVECTOR_PARTS) src/index/opclass.sql src/index/opclass_halfvec.sql Makefile
	@{ $(call script_head,vecdot_pgvector); \
	   sed '/^-- pgvector has these/,/^-- pgvector has no more/d' $(PGVECTOR_PARTS); \
	   $(pgvector_operators) src/index/opclass.sql; \
	   echo 'DO $$do$$ BEGIN IF pg_catalog.to_regtype('"'halfvec'"') IS NOT NULL THEN'; \
	   $(pgvector_operators) src/index/opclass_halfvec.sql; \
	   echo 'END IF; END $$do$$;'; } > $@.tmp
	@mv $@.tmp $@

# The operator classes of vecdot for an access method of pgvector, where only ivfflat has a default one.
define opclass_rule
$(BUILD)/sql/$(1)/%.sql: src/index/%.sql
	@mkdir -p $$(@D)
	@sed -E '/^CREATE FUNCTION/,/^COMMENT ON FUNCTION/d; s/DEFAULT FOR TYPE/FOR TYPE/; s/USING vecdot/USING $(1)/$(2)' $$< > $$@
endef
$(eval $(call opclass_rule,hnsw))
$(eval $(call opclass_rule,ivfflat,; /^CREATE OPERATOR CLASS vector_l2_ops/$(comma)/FOR TYPE/s/FOR TYPE/DEFAULT FOR TYPE/))

AS_VECTOR = $(BUILD)/as-vector
AS_VECTOR_FILES = $(AS_VECTOR)/vector.control $(AS_VECTOR)/vector--$(AS_VECTOR_VERSION).sql

$(AS_VECTOR)/vector.control: src/pgvector/vector.control.in Makefile
	@mkdir -p $(@D)
	@sed 's/VECDOT_VERSION/$(EXTVERSION)/; s/VECTOR_VERSION/$(AS_VECTOR_VERSION)/' $< > $@

$(AS_VECTOR)/vector--$(AS_VECTOR_VERSION).sql: $(AS_VECTOR_PARTS) Makefile
	@mkdir -p $(@D)
	@{ $(call script_head,vector); cat $(AS_VECTOR_PARTS); } > $@.tmp
	@mv $@.tmp $@

# Its update scripts are vecdot's, followed by what concerns pgvector's access methods, if there is such a file.
define as_vector_update_rule
AS_VECTOR_FILES += $(AS_VECTOR)/vector--$(3)--$(4).sql
$(AS_VECTOR)/vector--$(3)--$(4).sql: src/updates/vecdot--$(1)--$(2).sql $(wildcard src/updates/as-vector--$(1)--$(2).sql) Makefile
	@mkdir -p $$(@D)
	@sed 's/ALTER EXTENSION vecdot /ALTER EXTENSION vector /' $$(filter %.sql,$$^) > $$@
endef
as_vector_update = $(eval $(call as_vector_update_rule,$(1),$(2),$(call as_vector_version,$(1)),$(call as_vector_version,$(2))))
$(foreach file,$(wildcard src/updates/vecdot--*--*.sql),$(call as_vector_update,$(word 2,$(subst --, ,$(basename $(file)))),$(word 3,$(subst --, ,$(basename $(file))))))

extension_dir = $(DESTDIR)$(datadir)/extension
as_vector_library = $(DESTDIR)$(pkglibdir)/vector$(DLSUFFIX)

.PHONY: install-as-vector install-as-vector-files uninstall-as-vector
## make install-as-vector    instead of pgvector: vecdot as the extension "vector" too (docs/from-pgvector.md)
install-as-vector: all $(AS_VECTOR_FILES)
	@if [ -e '$(extension_dir)/vector.control' ] && ! grep -q vecdot '$(extension_dir)/vector.control'; then \
		echo "error: $(extension_dir)/vector.control is another extension's, pgvector's it seems: uninstall that first, or take CREATE EXTENSION vecdot_pgvector, which works beside it"; exit 1; fi
	@if { [ -e '$(as_vector_library)' ] || [ -L '$(as_vector_library)' ]; } && [ "$$(readlink '$(as_vector_library)')" != 'vecdot$(DLSUFFIX)' ]; then \
		echo "error: $(as_vector_library) is another extension's library, pgvector's it seems: uninstall that first"; exit 1; fi
	@$(MAKE) --no-print-directory install install-as-vector-files

# What that adds to `make install`: a package of its own, where packages keep pgvector's away.
install-as-vector-files: $(AS_VECTOR_FILES)
	$(MKDIR_P) '$(extension_dir)' '$(dir $(as_vector_library))'
	$(INSTALL_DATA) $(AS_VECTOR_FILES) '$(extension_dir)/'
	ln -sf 'vecdot$(DLSUFFIX)' '$(as_vector_library)'

uninstall-as-vector:
	@[ "$$(readlink '$(as_vector_library)')" = 'vecdot$(DLSUFFIX)' ] || { echo "error: $(as_vector_library) is not vecdot's"; exit 1; }
	rm -f '$(as_vector_library)' $(patsubst %,'$(extension_dir)/%',$(notdir $(AS_VECTOR_FILES)))

# The unit tests link the archive and nothing of PostgreSQL: that link is the test of the layering.
UNIT_SOURCES = $(wildcard test/unit/*/*.cpp)
unit_objects = $(patsubst test/unit/%.cpp,$(FREE)/unit/%.o,$(UNIT_SOURCES))
UNIT_TESTS = $(FREE)/unit_tests

$(FREE)/unit/%.o: test/unit/%.cpp Makefile
	@mkdir -p $(@D)
	$(CXX) $(VECDOT_CXXFLAGS) -Isrc -Itest/unit -MMD -MP -c -o $@ $<

$(UNIT_TESTS): $(unit_objects) $(ARCHIVE)
	$(CXX) $(VECDOT_CXXFLAGS) -o $@ $^ -lgtest -lgtest_main -lpthread

# Modules of the tests, no part of the extension: one throws through the guard, one writes to pages,
# one makes sessions wait.
TEST_MODULES = $(SERVER)/guard_test.so $(SERVER)/damage_test.so $(SERVER)/pause_test.so

$(SERVER)/%_test.o: Makefile
	@mkdir -p $(@D)
	$(CXX) $(VECDOT_CXXFLAGS) -Isrc -isystem $(includedir_server) -D_GNU_SOURCE -MMD -MP -c -o $@ $(filter %.cpp,$^)
$(SERVER)/guard_test.o: test/modules/guard/guard_test.cpp
$(SERVER)/damage_test.o: test/modules/damage/damage_test.cpp
$(SERVER)/pause_test.o: test/modules/pause/pause_test.cpp

$(SERVER)/%_test.so: $(SERVER)/%_test.o $(SERVER)/pg/guard.o $(SERVER)/pg/memory.o $(ARCHIVE)
	$(CXX) $(VECDOT_CXXFLAGS) -shared -o $@ $^

.PHONY: test-modules
test-modules: $(TEST_MODULES)

FUZZ_CXX ?= clang++-14
FUZZ_SECONDS ?= 20
# Where the fuzz targets are built.
FUZZ_DIR ?= $(FREE)
FUZZ_FLAGS = -std=c++20 -O1 -g -Wall -Wextra -fno-sanitize-recover=all -fsanitize=fuzzer,address,undefined -Isrc -Itest/unit
FUZZ_TESTS = $(FUZZ_DIR)/vector_input_fuzz $(FUZZ_DIR)/search_fuzz
FUZZ_HEADERS = $(wildcard src/core/*.hpp src/engine/*.hpp src/kernels/*.hpp) test/unit/heap_arena.hpp

$(FUZZ_DIR)/vector_input_fuzz: test/fuzz/vector_input_fuzz.cpp $(CORE_SOURCES) $(FUZZ_HEADERS) Makefile
	@mkdir -p $(@D)
	$(FUZZ_CXX) $(FUZZ_FLAGS) -o $@ $(filter %.cpp,$^)

# The kernels as they are: the unit tests hold them to the sizes they are given.
search_fuzz_sources = test/fuzz/search_fuzz.cpp $(CORE_SOURCES) $(ENGINE_SOURCES)
$(FUZZ_DIR)/search_fuzz: $(search_fuzz_sources) $(ARCHIVE) $(FUZZ_HEADERS) Makefile
	@mkdir -p $(@D)
	$(FUZZ_CXX) $(FUZZ_FLAGS) -fno-sanitize=alignment -ffp-contract=off -o $@ $(search_fuzz_sources) $(ARCHIVE)

fuzz_options = -verbosity=0 -seed=1 -timeout=10 -print_final_stats=1 -artifact_prefix=$(FUZZ_DIR)/fuzz-

.PHONY: fuzz
## make fuzz             arbitrary bytes as input and as an index, under sanitizers, for FUZZ_SECONDS (20) each
fuzz: $(FUZZ_TESTS)
	$(FUZZ_DIR)/vector_input_fuzz $(fuzz_options) -max_total_time=$(FUZZ_SECONDS) -max_len=512 -dict=test/fuzz/vector_input.dict
	$(FUZZ_DIR)/search_fuzz -verbosity=0 $(wildcard test/fuzz/found/search_*)
	$(FUZZ_DIR)/search_fuzz $(fuzz_options) -max_total_time=$(FUZZ_SECONDS) -max_len=2048

.PHONY: installcheck-conditions
installcheck-conditions:
	@test -w . || { echo "make installcheck writes results/ here: it needs a tree that $$(id -un) may write to"; exit 1; }
	@super=$$("$(bindir)/psql" -XAtq -d postgres -c 'SHOW is_superuser') || exit 1; [ "$$super" = on ] || \
		{ echo "make installcheck creates databases and roles: it needs a superuser (PGUSER=...)"; exit 1; }

.PHONY: unit format bench-kernels
## make unit             the unit tests, without PostgreSQL
unit: $(UNIT_TESTS)
	$(UNIT_TESTS) --gtest_brief=1

include bench/bench.mk

## make format           clang-format 14 over all sources
format:
	clang-format -i $$(git ls-files '*.cpp' '*.hpp')

# make print-NAME: the value of a variable, for the scripts.
print-%:
	@echo '$($*)'

-include $(shell find $(FREE) $(SERVER) -name '*.d' 2>/dev/null)
endif
