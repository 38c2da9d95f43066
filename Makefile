# The README's two commands are `make demo` and `make test`; `make help` lists the rest.

SWIFT ?= swift
BUILD := .build
PARE := $(BUILD)/release/pare
SOURCES := Sources Tests Package.swift

.PHONY: help setup build demo demo-keywords test lint unit fuzz fuzz-bounded bench conformance-full clean

help:
	@echo "make demo              LeNet-5 trained, pruned, clustered and built for this machine and a Raspberry Pi 4"
	@echo "make demo-keywords     from an ONNX keyword spotter in float to int8 executables"
	@echo "make test              lint, every test, a bounded run of the fuzzer"
	@echo "make build             the command line tool, $(PARE)"
	@echo "make fuzz              220,000 damaged model files under the sanitizers (slow)"
	@echo "make bench             speed against onnxruntime, if Python has it"
	@echo "make conformance-full  every ONNX operator case through host and packed runtime, listed"

# Installs what is missing, with sudo where needed; says nothing when all is there.
setup:
	@sh targets/setup.sh

build: setup
	@$(SWIFT) build -c release --product pare

demo: build
	@sh models/lenet-5/demo.sh

demo-keywords: build
	@sh models/dscnn-kws/demo.sh

test: setup lint unit fuzz-bounded

lint:
	@$(SWIFT) format lint --strict --recursive $(SOURCES)
	@echo "lint: clean"

unit:
	@$(SWIFT) build -c release --product pare
	@$(SWIFT) test -c release

fuzz-bounded:
	@sh Tests/Fuzz/run.sh 4000 1000

fuzz:
	@sh Tests/Fuzz/run.sh 200000 20000

bench: build
	@sh Benchmarks/run.sh

conformance-full: setup
	@$(SWIFT) test -c release --filter ConformanceTests

clean:
	@rm -rf $(BUILD)
