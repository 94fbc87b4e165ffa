# leadscore: the core library, the Lua module for every Lua whose headers are installed, the command.
#
#   make            build everything into build/
#   make deps       install what building and running needs (Debian packages)
#   make demo       the one-minute tour               make test      every spec (SPEC=file: one)
#   make install    PREFIX=/usr/local DESTDIR=        make uninstall
#   make lint       what CI checks besides specs      make format    clang-format over the C sources
#   make sanitize   every spec under ASan and UBSan   make soak      long fuzzing (SOAK_SECONDS=600)
#   make bench      speed against goals and peers (BENCH_SCALE=w0|w1); bench-peers, bench-counts, bench-gateway
#   make gateway    a gateway that scores as events arrive (PORT, WORKERS, DEFINITIONS, DATA, STORE=shared|redis)
#   make clean
#
# Settings: CC, CFLAGS, LDFLAGS; BUILD (folder), WERROR=1, STATIC=0 (link utf8proc and yajl dynamically),
# LUAS (which Lua modules to build, of 5.4 5.3 5.1), LUA_INCDIR_5.4 and so on (their headers).

.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all
MAKEFLAGS += --no-print-directory

VERSION := $(shell sed -n 's/^\#define LS_VERSION "\(.*\)"/\1/p' csrc/leadscore.h)
ROOT := $(CURDIR)
BUILD ?= build
# The same folder, whatever the current one; BUILD may be given absolute.
BUILD_PATH := $(abspath $(BUILD))

ifeq ($(origin CC),default)
CC := gcc
endif
AR ?= ar
CFLAGS ?= -O2
WARNINGS := -Wall -Wextra -Wpedantic $(if $(filter 1,$(WERROR)),-Werror)
LANGUAGE := -std=c11 -D_POSIX_C_SOURCE=200809L -fPIC -fvisibility=hidden -pthread
ALL_CFLAGS = $(LANGUAGE) $(WARNINGS) $(CFLAGS) $(CPPFLAGS)

# ---- libraries: utf8proc and yajl from their archives where these are there, zlib shared ---------

STATIC ?= 1
archive = $(if $(filter 1,$(STATIC)),$(wildcard $(shell $(CC) -print-file-name=$(1) 2>/dev/null)))
UTF8PROC_LIBS ?= $(or $(call archive,libutf8proc.a),-lutf8proc)
YAJL_LIBS ?= $(or $(call archive,libyajl_s.a),-lyajl)
ZLIB_LIBS ?= -lz
CORE_LIBS := $(YAJL_LIBS) $(UTF8PROC_LIBS) $(ZLIB_LIBS) -pthread

# ---- which Luas ----------------------------------------------------------------------------------

# The folder of a Lua's headers: where packages put it, else what pkg-config says.
find_headers = $(or $(patsubst %/lua.h,%,$(firstword $(wildcard \
	$(foreach name,$(1),/usr/local/include/$(name)/lua.h /usr/include/$(name)/lua.h)))),$(firstword \
	$(foreach name,$(1),$(patsubst -I%,%,$(filter -I%,$(shell pkg-config --cflags-only-I $(name) 2>/dev/null))))))
LUA_INCDIR_5.4 ?= $(call find_headers,lua5.4 lua-5.4)
LUA_INCDIR_5.3 ?= $(call find_headers,lua5.3 lua-5.3)
# One module serves PUC 5.1 and LuaJIT: their binary interface is the same. PUC's headers come first, since they
# are the smaller set.
LUA_INCDIR_5.1 ?= $(call find_headers,lua5.1 lua-5.1 luajit-2.1 luajit)
LUAS ?= $(foreach lua,5.4 5.3 5.1,$(if $(LUA_INCDIR_$(lua)),$(lua)))

# ---- build ---------------------------------------------------------------------------------------

CORE_SOURCES := $(wildcard csrc/ls_*.c)
CORE_OBJECTS := $(CORE_SOURCES:csrc/%.c=$(BUILD)/core/%.o)
BINDING_SOURCES := $(wildcard csrc/lua/lsl_*.c)
MODULES := $(LUAS:%=$(BUILD)/lua/%/leadscore/core.so)

.PHONY: all FORCE
all: $(BUILD)/libleadscore.a $(MODULES) $(BUILD)/leadscore $(if $(filter 5.1,$(LUAS)),$(BUILD)/lua/jit)

# Objects depend on the flags they were made with.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(CC) $(ALL_CFLAGS)' | cmp -s - $@ || printf '%s\n' '$(CC) $(ALL_CFLAGS)' > $@

$(BUILD)/core/%.o: csrc/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	@echo '  CC  $<'
	@$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/libleadscore.a: $(CORE_OBJECTS)
	@mkdir -p $(@D)
	@echo '  AR  $@'
	@rm -f $@
	@$(AR) rcs $@ $^

# $(1): Lua version. --exclude-libs hides the core: only what the binding's own objects mark is exported.
define module_rules
$(BUILD)/lua/$(1)/objects/%.o: csrc/lua/%.c $(BUILD)/flags
	@mkdir -p $$(@D)
	@echo '  CC  $$< ($(1))'
	@$$(CC) $$(ALL_CFLAGS) -Icsrc -I$$(LUA_INCDIR_$(1)) -MMD -MP -c -o $$@ $$<

$(BUILD)/lua/$(1)/leadscore/core.so: $(BINDING_SOURCES:csrc/lua/%.c=$(BUILD)/lua/$(1)/objects/%.o) $(BUILD)/libleadscore.a
	@mkdir -p $$(@D)
	@echo '  LD  $$@'
	@$$(CC) -shared $$(CFLAGS) $$(LDFLAGS) -Wl,--exclude-libs,ALL -o $$@ $$^ $$(CORE_LIBS)
endef
$(foreach lua,$(LUAS),$(eval $(call module_rules,$(lua))))

$(BUILD)/lua/jit: $(BUILD)/lua/5.1/leadscore/core.so
	@ln -sfn 5.1 $@

# A launcher: the command with its modules in the folders $(1) (Lua) and $(2) (C).
define launcher
{ echo '#!/usr/bin/env lua5.4'; \
  echo '-- The leadscore command. Made by make.'; \
  echo 'package.path = "$(1)/?.lua;$(1)/?/init.lua;" .. package.path'; \
  echo 'package.cpath = "$(2)/?.so;" .. package.cpath'; \
  echo 'require("leadscore.main")'; }
endef

$(BUILD)/leadscore: FORCE
	@mkdir -p $(@D)
	@$(call launcher,$(ROOT)/lua,$(BUILD_PATH)/lua/5.4) > $@.new
	@cmp -s $@.new $@ && rm $@.new || { chmod +x $@.new && mv $@.new $@; }

# The environment in which programs of this tree find its modules. $(1): 5.4, 5.3, 5.1 or jit.
tree_env = env -u LUA_INIT -u LUA_PATH_5_4 -u LUA_CPATH_5_4 -u LUA_PATH_5_3 -u LUA_CPATH_5_3 \
	LUA_PATH='$(ROOT)/lua/?.lua;$(ROOT)/lua/?/init.lua;$(ROOT)/spec/?.lua;;' \
	LUA_CPATH='$(BUILD_PATH)/lua/$(1)/?.so;;' LEADSCORE_BUILD='$(BUILD_PATH)' \
	LEADSCORE_COMMAND='$(BUILD_PATH)/leadscore'
INTERPRETER_5.4 := lua5.4
INTERPRETER_5.3 := lua5.3
INTERPRETER_5.1 := lua5.1
INTERPRETER_jit := luajit

-include $(CORE_OBJECTS:.o=.d)
-include $(foreach lua,$(LUAS),$(BINDING_SOURCES:csrc/lua/%.c=$(BUILD)/lua/$(lua)/objects/%.d))

# ---- dependencies --------------------------------------------------------------------------------

# Debian packages. nginx's Lua module comes with OpenResty's branch of LuaJIT (luajit2), which takes the place of the
# other; who has that one keeps it until nginx is wanted.
JIT ?= luajit2
JIT_THERE := $(if $(wildcard /usr/share/doc/luajit/copyright),luajit,$(JIT))
jit_packages = $(1) lib$(1)-5.1-dev
# What `make` and the command need, but for a LuaJIT:
CORE_PACKAGES := gcc libc6-dev make libyajl-dev libxxhash-dev libutf8proc-dev zlib1g-dev lua5.4 liblua5.4-dev \
	lua-argparse lua-filesystem
PACKAGES := $(CORE_PACKAGES) $(call jit_packages,$(JIT_THERE))
GATEWAY_PACKAGES := $(CORE_PACKAGES) $(call jit_packages,$(JIT)) nginx libnginx-mod-http-lua libnginx-mod-http-ndk \
	lua-nginx-redis
TEST_PACKAGES := $(GATEWAY_PACKAGES) lua5.3 liblua5.3-dev lua5.1 liblua5.1-0-dev lua-busted pkg-config \
	redis-server lua-socket
LINT_PACKAGES := $(CORE_PACKAGES) $(call jit_packages,$(JIT)) lua5.3 liblua5.3-dev lua5.1 liblua5.1-0-dev \
	lua-check clang clang-format clang-tidy
CI_PACKAGES := $(TEST_PACKAGES) $(LINT_PACKAGES) luarocks git

# Installs those of the packages $(1) that are missing: as root, else by sudo without a password, else it says how.
# When nothing is missing it needs no root and no network. The lists are updated only where the install needs it.
define install_packages
if ! command -v dpkg-query >/dev/null 2>&1; then \
    echo 'deps: not a Debian system; what is needed is what these packages hold: $(sort $(1))'; exit 0; \
fi; \
missing=$$(dpkg-query -W -f '$${db:Status-Status} $${Package}\n' $(sort $(1)) 2>/dev/null | \
    awk -v wanted='$(sort $(1))' '$$1 == "installed" { have[$$2] = 1 } \
        END { n = split(wanted, name, " "); for (i = 1; i <= n; i++) if (!have[name[i]]) print name[i] }' | \
    tr '\n' ' '); \
[ -n "$$missing" ] || exit 0; \
echo "deps: installing $$missing"; \
if [ "$$(id -u)" = 0 ]; then as_root=; \
elif sudo -n true 2>/dev/null; then as_root='sudo -n'; \
else \
    echo "deps: these packages are missing; install them with:" >&2; \
    echo "    sudo apt-get install $$missing" >&2; exit 1; \
fi; \
get="$$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300"; \
install="$$get --no-install-recommends install $$missing"; mkdir -p $(BUILD); \
$$install >$(BUILD)/deps.log 2>&1 </dev/null || \
    { $$get update && $$install; } >>$(BUILD)/deps.log 2>&1 </dev/null || \
    { cat $(BUILD)/deps.log >&2; exit 1; }
endef

.PHONY: deps deps-gateway deps-test deps-lint deps-ci
deps:
	@$(call install_packages,$(PACKAGES))
deps-gateway:
	@$(call install_packages,$(GATEWAY_PACKAGES) $(if $(filter redis,$(STORE)),redis-server))
deps-test:
	@$(call install_packages,$(TEST_PACKAGES))
deps-lint:
	@$(call install_packages,$(LINT_PACKAGES))
deps-ci:
	@$(call install_packages,$(CI_PACKAGES))

# What follows calls make again after installing, since what there is to build with is found when make starts.
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
parallel = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(JOBS))

# ---- demo ----------------------------------------------------------------------------------------

.PHONY: demo
demo: deps
	@$(MAKE) $(parallel) all
	@rm -rf $(BUILD)/demo
	@$(BUILD)/leadscore demo $(BUILD)/demo

# ---- gateway -------------------------------------------------------------------------------------

# In the foreground, on loopback. What else can be set stands in run.sh.
PORT ?= 8080
WORKERS ?= 2
DEFINITIONS ?= lua/leadscore/examples/gateway/score.lua
DATA ?= $(BUILD)/gateway
STORE ?= shared
.PHONY: gateway
gateway: deps-gateway
	@$(MAKE) $(parallel) all
	@PORT='$(PORT)' WORKERS='$(WORKERS)' DEFINITIONS='$(DEFINITIONS)' DATA='$(DATA)' STORE='$(STORE)' \
	    LUA_ROOT='$(ROOT)/lua' LUA_CROOT='$(BUILD_PATH)/lua/5.1' sh lua/leadscore/examples/gateway/run.sh

# ---- specs ---------------------------------------------------------------------------------------

# Every spec/*_spec.lua, and every C program of spec/c that hosts a Lua (lua_*_test.c), on every Lua that is here; every
# other C program of spec/c once. SPEC=spec/x_spec.lua or SPEC=spec/c/x_test.c picks one. TEST_LUAS: which Luas.
TEST_LUAS ?= $(foreach lua,$(LUAS) $(if $(filter 5.1,$(LUAS)),jit),$(if $(shell \
	command -v $(INTERPRETER_$(lua))),$(lua)))
BUSTED ?= $(shell command -v busted)
SPECS := $(or $(filter %.lua,$(SPEC)),$(if $(SPEC),,$(sort $(wildcard spec/*_spec.lua))))
PROGRAMS := $(or $(filter %.c,$(SPEC)),$(if $(SPEC),,$(sort $(wildcard spec/c/*_test.c))))
HOST_LUAS := $(TEST_LUAS)
LUA_LIBS_5.4 ?= -llua5.4
LUA_LIBS_5.3 ?= -llua5.3
LUA_LIBS_5.1 ?= -llua5.1
LUA_LIBS_jit ?= -lluajit-5.1
LUA_INCDIR_jit ?= $(call find_headers,luajit-2.1 luajit)

HOST_PROGRAMS := $(filter spec/c/lua_%,$(PROGRAMS))
CORE_PROGRAMS := $(filter-out spec/c/lua_%,$(PROGRAMS))
PROGRAM_FILES := $(CORE_PROGRAMS:spec/c/%.c=$(BUILD)/spec/%) \
	$(foreach lua,$(HOST_LUAS),$(HOST_PROGRAMS:spec/c/%.c=$(BUILD)/spec/$(lua)/%))
# The long ones, which compare the core with itself and the reference, run on 5.4 and LuaJIT alone unless named by SPEC.
LONG_SPECS := $(if $(SPEC),,$(patsubst %,spec/%_spec.lua,property property_log property_related limits_related fallback fuzz \
	blocks advance_property))
# Those of the gateway run once: nginx has a Lua of its own.
GATEWAY_SPECS := $(filter spec/gateway%,$(SPECS))
specs_on = $(filter-out $(if $(filter 5.3 5.1,$(1)),$(LONG_SPECS)) \
	$(if $(filter-out $(firstword $(TEST_LUAS)),$(1)),$(GATEWAY_SPECS)),$(SPECS))
SPEC_SUITES := $(foreach lua,$(TEST_LUAS),$(patsubst spec/%.lua,suite/$(lua)/%,$(call specs_on,$(lua))))
SUITES := $(SPEC_SUITES) \
	$(PROGRAM_FILES:$(BUILD)/spec/%=suite/c/%)

# With SANITIZE=1 (make sanitize) interpreters get the runtime that the module was linked with. Leaks are looked for
# where the interpreter frees its state at the end: not in LuaJIT, whose own heap the leak checker cannot see.
SANITIZER_ENV = env ASAN_OPTIONS=abort_on_error=0:exitcode=99:detect_leaks=$(1) \
	LSAN_OPTIONS=suppressions=$(ROOT)/spec/c/leaks.supp:print_suppressions=0 \
	UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 \
	LEADSCORE_FUZZ_GROWTH=1048576 LEADSCORE_FUZZ_LONGEST=30 # freed memory waits in a quarantine
preload = $(if $(SANITIZE),$(call SANITIZER_ENV,$(if $(filter 5.4,$(1)),1,0)) \
	LD_PRELOAD='$(shell $(CC) -print-file-name=libasan.so)')

.PHONY: test suites programs $(SUITES)
test: deps-test
	@$(MAKE) $(parallel) all programs
	@rm -rf $(BUILD)/results
	@$(MAKE) $(parallel) --output-sync=target suites
	@sh spec/run.sh sum $(BUILD)/results

suites: $(SUITES)
programs: $(PROGRAM_FILES)
	@:

$(SPEC_SUITES): suite/%:
	@$(call tree_env,$(*D)) sh spec/run.sh busted $(BUILD)/results/$* $(call preload,$(*D)) \
	    $(INTERPRETER_$(*D)) $(BUSTED) -o plainTerminal --ignore-lua spec/$(*F).lua

$(PROGRAM_FILES:$(BUILD)/spec/%=suite/c/%): suite/c/%:
	@$(call tree_env,$(or $(patsubst %/,%,$(filter-out ./,$(dir $*))),5.4)) \
	    sh spec/run.sh program $(BUILD)/results/c/$* \
	    $(if $(SANITIZE),$(call SANITIZER_ENV,$(if $(filter jit/%,$*),0,1))) $(BUILD)/spec/$*

$(CORE_PROGRAMS:spec/c/%.c=$(BUILD)/spec/%): $(BUILD)/spec/%: spec/c/%.c $(BUILD)/libleadscore.a
	@mkdir -p $(@D)
	@echo '  CC  $<'
	@$(CC) $(ALL_CFLAGS) -Icsrc -MMD -MP $(LDFLAGS) -o $@ $< $(BUILD)/libleadscore.a $(CORE_LIBS)

define host_rule
$(BUILD)/spec/$(1)/%: spec/c/%.c $(BUILD)/flags
	@mkdir -p $$(@D)
	@echo '  CC  $$< ($(1))'
	@$$(CC) $$(ALL_CFLAGS) -I$$(LUA_INCDIR_$(1)) -MMD -MP $$(LDFLAGS) -o $$@ $$< $$(LUA_LIBS_$(1)) -ldl
endef
$(foreach lua,$(HOST_LUAS),$(eval $(call host_rule,$(lua))))
-include $(PROGRAM_FILES:=.d)

.PHONY: sanitize
sanitize: deps-test
	@$(MAKE) test SANITIZE=1 BUILD=$(BUILD)/sanitize LUAS='5.4 5.1' TEST_LUAS='5.4 jit' \
	    CFLAGS='-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined'

SOAK_SECONDS ?= 600
.PHONY: soak
soak: deps-test
	@$(MAKE) $(parallel) all
	@for file in $(wildcard spec/fuzz/*.lua); do for lua in lua5.4:5.4 luajit:jit; do \
	    echo "$$file on $${lua%:*}, $(SOAK_SECONDS) s"; \
	    $(subst /lua/PLACE/,/lua/$${lua#*:}/,$(subst ',",$(call tree_env,PLACE))) \
	        $${lua%:*} $$file $(SOAK_SECONDS) || exit 1; \
	done; done
	@$(MAKE) $(BUILD)/spec/state_fuzz_test
	@echo 'packed states, $(SOAK_SECONDS) s'; $(BUILD)/spec/state_fuzz_test $(SOAK_SECONDS) $$(date +%s)

# ---- bench ---------------------------------------------------------------------------------------

# BENCH_SCALE: w0 is small (half a minute a round), w1 the real one (some minutes a round, 7 GB of files).
BENCH_SCALE ?= w0
BENCH_ROUNDS ?= 5
BENCH_PEERS ?= $(BUILD_PATH)/peers
BENCH_PROGRAMS := $(addprefix $(BUILD)/bench/,w1_gen w2_gen values_gen measure machine pin.so stages held live advance)
.PHONY: bench bench-page bench-peers bench-counts bench-gateway bench-programs
bench-programs: $(BENCH_PROGRAMS)
bench: deps
	@$(MAKE) $(parallel) all $(BENCH_PROGRAMS)
	@$(call tree_env,5.4) BENCH_PEERS='$(BENCH_PEERS)' lua5.4 csrc/bench/run.lua $(BENCH_SCALE) $(BENCH_ROUNDS)

# The last table into README.md.
bench-page:
	@lua5.4 csrc/bench/page.lua $(BUILD)/bench/table.md

# What we are compared with: DuckDB, as a Python package.
bench-peers:
	@python3 -m pip --version >/dev/null || { echo 'bench-peers: python3 and its pip are needed' >&2; exit 1; }
	@python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target '$(BENCH_PEERS)' --upgrade duckdb
	@PYTHONPATH='$(BENCH_PEERS)' python3 -c 'import duckdb; print("bench-peers: DuckDB", duckdb.__version__)'

# Instructions of each stage: they do not drift with the machine's load.
bench-counts: deps
	@$(call install_packages,valgrind)
	@$(MAKE) $(parallel) all $(BENCH_PROGRAMS)
	@$(call tree_env,5.4) lua5.4 csrc/bench/counts.lua

# Requests a second of the gateway example, against a handler that says hello.
BENCH_SECONDS ?= 5
bench-gateway: deps-test
	@$(call install_packages,wrk)
	@$(MAKE) $(parallel) all
	@$(call tree_env,5.4) lua5.4 csrc/bench/gateway.lua $(BENCH_SECONDS) $(BENCH_ROUNDS)

BENCH_CC = $(CC) -std=c11 -D_POSIX_C_SOURCE=200809L -O2 $(WARNINGS)
$(BUILD)/bench/%_gen: csrc/bench/%_gen.c csrc/bench/generate.c csrc/bench/generate.h
	@mkdir -p $(@D)
	@echo '  CC  $<'
	@$(BENCH_CC) -o $@ $< csrc/bench/generate.c -lm
$(BUILD)/bench/measure $(BUILD)/bench/machine: $(BUILD)/bench/%: csrc/bench/%.c csrc/bench/clock.h
	@mkdir -p $(@D)
	@echo '  CC  $<'
	@$(BENCH_CC) -o $@ $<
$(BUILD)/bench/pin.so: csrc/bench/pin.c
	@mkdir -p $(@D)
	@echo '  CC  $<'
	@$(BENCH_CC) -fPIC -shared -o $@ $< -ldl -pthread
$(BUILD)/bench/stages $(BUILD)/bench/held $(BUILD)/bench/live $(BUILD)/bench/advance: \
		$(BUILD)/bench/%: csrc/bench/%.c csrc/bench/clock.h $(BUILD)/libleadscore.a
	@mkdir -p $(@D)
	@echo '  CC  $<'
	@$(CC) $(ALL_CFLAGS) -Icsrc $(LDFLAGS) -o $@ $< $(BUILD)/libleadscore.a $(CORE_LIBS)

# ---- lint and format -----------------------------------------------------------------------------

C_FILES := $(wildcard csrc/*.[ch] csrc/lua/*.[ch] csrc/bench/*.[ch] csrc/fuzz/*.[ch] spec/c/*.[ch])

.PHONY: lint lint-run lint-lua lint-format lint-tidy lint-gcc lint-clang format
lint: deps-lint
	@$(MAKE) $(parallel) --output-sync=target lint-run
	@echo 'lint: clean'
lint-run: lint-lua lint-format lint-tidy lint-gcc lint-clang
lint-lua:
	@luacheck -q --codes lua spec csrc rockspec/*.rockspec
lint-format:
	@clang-format --dry-run -Werror $(C_FILES)
	@! grep -nE '.{101}' $(C_FILES) /dev/null
TIDY := $(CORE_SOURCES:%=tidy/%) $(BINDING_SOURCES:%=tidy/%)
lint-tidy: $(TIDY)
lint-gcc:
	@$(MAKE) all programs bench-programs CC=gcc WERROR=1 BUILD=$(BUILD)/lint/gcc
lint-clang:
	@$(MAKE) all programs bench-programs CC=clang WERROR=1 BUILD=$(BUILD)/lint/clang
.PHONY: $(TIDY)
$(TIDY): tidy/%:
	@clang-tidy --quiet $* -- $(LANGUAGE) -Icsrc -I$(LUA_INCDIR_5.4) 2>/dev/null

format: deps-lint
	@clang-format -i $(C_FILES)

# ---- install -------------------------------------------------------------------------------------

PREFIX ?= /usr/local
INSTALL ?= install
DEST := $(DESTDIR)$(PREFIX)
SHARE_FILES := $(shell cd lua && find . -type f | sed 's|^\./||' | sort)

$(BUILD)/leadscore.1: $(BUILD)/lua/5.4/leadscore/core.so $(shell find lua -name '*.lua')
	@$(call tree_env,5.4) lua5.4 -e 'io.write(require("leadscore.command.manual").page())' > $@

.PHONY: install uninstall
install: all $(BUILD)/leadscore.1
	@for lua in $(LUAS); do \
	    for file in $(SHARE_FILES); do \
	        $(INSTALL) -D -m 644 "lua/$$file" "$(DEST)/share/lua/$$lua/$$file" || exit 1; \
	    done; \
	    $(INSTALL) -D -m 755 $(BUILD)/lua/$$lua/leadscore/core.so \
	        "$(DEST)/lib/lua/$$lua/leadscore/core.so" || exit 1; \
	done
	@$(call launcher,$(PREFIX)/share/lua/5.4,$(PREFIX)/lib/lua/5.4) > $(BUILD)/leadscore.installed
	@$(INSTALL) -D -m 755 $(BUILD)/leadscore.installed "$(DEST)/bin/leadscore"
	@$(INSTALL) -D -m 644 $(BUILD)/leadscore.1 "$(DEST)/share/man/man1/leadscore.1"
	@$(INSTALL) -D -m 644 $(BUILD)/libleadscore.a "$(DEST)/lib/libleadscore.a"
	@$(INSTALL) -D -m 644 csrc/leadscore.h "$(DEST)/include/leadscore.h"
	@mkdir -p "$(DEST)/lib/pkgconfig"
	@printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$${prefix}/lib' 'includedir=$${prefix}/include' '' \
	    'Name: leadscore' 'Description: Exact, explainable lead scoring' 'Version: $(VERSION)' \
	    'Cflags: -I$${includedir}' 'Requires: yajl libutf8proc zlib' \
	    'Libs: -L$${libdir} -lleadscore -pthread' > "$(DEST)/lib/pkgconfig/leadscore.pc"
	@echo 'installed in $(DEST)'

uninstall:
	@for lua in 5.4 5.3 5.1; do \
	    rm -rf "$(DEST)/share/lua/$$lua/leadscore" "$(DEST)/share/lua/$$lua/leadscore.lua" \
	        "$(DEST)/share/lua/$$lua/resty/leadscore" "$(DEST)/share/lua/$$lua/resty/leadscore.lua" \
	        "$(DEST)/lib/lua/$$lua/leadscore"; \
	    rmdir "$(DEST)/share/lua/$$lua/resty" 2>/dev/null || true; \
	done
	@rm -f "$(DEST)/bin/leadscore" "$(DEST)/share/man/man1/leadscore.1" "$(DEST)/lib/libleadscore.a" \
	    "$(DEST)/include/leadscore.h" "$(DEST)/lib/pkgconfig/leadscore.pc"

# ---- rock: what the rockspec calls, for the one Lua that luarocks names by LUA_INCDIR --------------

ROCK_LUA = $(shell sed -n 's/^\#define[ \t]*LUA_VERSION_NUM[ \t]*5\([0-9]*\)$$/\1/p' $(LUA_INCDIR)/lua.h | sed 's/^0/5./')
.PHONY: rock rock-install
rock:
	@$(MAKE) LUAS=$(ROCK_LUA) LUA_INCDIR_$(ROCK_LUA)=$(LUA_INCDIR) BUILD=$(BUILD)/rock-$(ROCK_LUA) all
rock-install:
	@for file in $(SHARE_FILES); do $(INSTALL) -D -m 644 "lua/$$file" "$(LUADIR)/$$file" || exit 1; done
	@$(INSTALL) -D -m 755 $(BUILD)/rock-$(ROCK_LUA)/lua/$(ROCK_LUA)/leadscore/core.so "$(LIBDIR)/leadscore/core.so"
	@mkdir -p "$(BINDIR)"
	@{ echo '#!/usr/bin/env lua'; \
	   echo '-- The leadscore command, in the tree of rocks that it is part of.'; \
	   echo 'local tree, lua = arg[0]:match("^(.*)/lib/luarocks/rocks"), _VERSION:match("%d.*")'; \
	   echo 'if tree then'; \
	   echo '    local share = tree .. "/share/lua/" .. lua'; \
	   echo '    package.path = share .. "/?.lua;" .. share .. "/?/init.lua;" .. package.path'; \
	   echo '    package.cpath = tree .. "/lib/lua/" .. lua .. "/?.so;" .. package.cpath'; \
	   echo 'end'; \
	   echo 'require("leadscore.main")'; } > "$(BINDIR)/leadscore"
	@chmod +x "$(BINDIR)/leadscore"

.PHONY: clean
clean:
	rm -rf $(BUILD)
