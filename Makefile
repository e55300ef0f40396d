# Thin on purpose: each target is one script. `make demo` and `make test` need nothing but Debian 12 and root or sudo.
.PHONY: demo test bench format lint

demo:
	tools/setup
	tools/build release
	tools/demo.py $(if $(CHECK),--check)

test:
	tools/test

bench:
	tools/setup
	tools/build release
	bench/run

format:
	tools/setup clang-format-16
	git ls-files '*.cc' '*.h' ':!third_party' | xargs clang-format-16 -i

lint:
	tools/lint
