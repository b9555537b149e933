# The only commands of this repository; `make` alone lists them.
# Recipes are plain sh and GNU Make 3.81, because macOS ships nothing newer.

NAME = deep-learning-worked-out
SHEET = _build/html/chapters/reference/cheat-sheet.pdf
PORT = 8000
BIN = .venv/bin
NB = index.ipynb $(filter-out chapters/assignments/%,$(wildcard chapters/*.ipynb chapters/*/*.ipynb))
PACKAGE = $(wildcard dlutils dlutils/*.py dlutils/data/*)
# The folders too: a page that was removed shows there.
# And the package, from whose docstrings the API page is made.
PAGES = $(wildcard index.ipynb chapters chapters/* chapters/*/* chapters/*/*/*) \
	$(wildcard assets assets/* references.bib) $(PACKAGE)

# $(call quietly,LOG,COMMAND): the output goes to LOG, and a failure is told in one line.
quietly = $(2) >$(1) 2>&1 || { echo "Failed: $(2):" "$$({ \
	grep -E '^ *(ERROR|error): [A-Z]' $(1) || cat $(1); } | tail -n 1) (log: $(1))" >&2; exit 1; }

# Two processes at a time, each with as many threads as there are cores, would wait for one another.
test run environments: export OPENBLAS_NUM_THREADS = 1

.PHONY: help book pdf epub serve test run assignments environments mutate bench bench-site bench-grading links lock clean
.NOTPARALLEL: # the stages use every core themselves, and pip builds dlutils in the tree

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1	\2/p' Makefile | expand -t 20

book: _build/built ## build the site into _build/html
	@echo "The book is in _build/html; to read it, run 'make serve' or open"
	@echo "file://$(CURDIR)/_build/html/index.html"

pdf: _build/$(NAME).pdf $(SHEET) ## print the book and its cheat sheet to PDFs (needs Chromium or Chrome)
	@echo "The book is in $<, the cheat sheet in $(SHEET)"

epub: _build/$(NAME).epub ## pack the whole book as an EPUB
	@echo "The book is in $<"

serve: book ## open the site on http://127.0.0.1:8000 (another port: make serve PORT=8001)
	@echo "Serving http://127.0.0.1:$(PORT)/ until Ctrl-C (another port: make serve PORT=8001)"
	@if [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ] || [ "$$(uname)" = Darwin ]; then \
		(sleep 1; $(BIN)/python -m webbrowser http://127.0.0.1:$(PORT)/ >/dev/null 2>&1) & fi; \
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory _build/html $(PORT)

test: ## set everything up and check it: style, book, tests, other environments
	@stage() { \
		start=$$(date +%s); echo "== $$*"; "$$@" || exit 1; \
		echo "== $$(($$(date +%s) - start)) s: $$*"; \
	}; \
	stage $(MAKE) --no-print-directory .venv/installed; \
	stage $(BIN)/ruff check; \
	stage $(BIN)/ruff format --check; \
	stage $(MAKE) --no-print-directory book; \
	stage $(MAKE) --no-print-directory .envs/grading/installed; \
	stage $(BIN)/pytest; \
	stage $(MAKE) --no-print-directory environments

# A second run changes no byte: timings and versions are left out, and what one cell prints is one
# output, in however many pieces it arrived. Slider figures are stored in the form that needs no kernel.
run: .venv/installed ## execute all notebooks in place (one: make run NB=chapters/x.ipynb)
	DLUTILS_SLIDERS=page $(BIN)/jupyter nbconvert --to notebook --inplace --execute \
		--ExecutePreprocessor.kernel_name=python3 \
		--NotebookExporter.preprocessors=nbconvert.preprocessors.CoalesceStreamsPreprocessor \
		--ClearMetadataPreprocessor.enabled=True \
		--ClearMetadataPreprocessor.preserve_cell_metadata_mask=tags \
		--ClearMetadataPreprocessor.preserve_cell_metadata_mask=mystnb \
		--ClearMetadataPreprocessor.preserve_nb_metadata_mask=kernelspec $(NB)

assignments: .venv/installed ## write the student notebooks from exercises/ into chapters/assignments
	@$(BIN)/python -m grading verify exercises/*.ipynb
	@$(BIN)/python -m grading release exercises/*.ipynb --only assignments --to chapters

# Figures are not compared here: another matplotlib may draw a curve's last digit differently.
environments: .envs/binder/installed .envs/newest/installed ## run all notebooks as in Binder, Colab
	@for kernel in binder newest; do \
		packages="$$(.envs/$$kernel/bin/python -m pip list --format freeze)"; \
		echo "-- $$kernel: $$(echo "$$packages" | \
			grep -E '^(numpy|matplotlib|ipywidgets)=' | tr '\n' ' ')"; \
		[ "$$packages" != "$$passed" ] || { echo "all packages as before"; continue; }; \
		$(BIN)/pytest -o addopts= -p no:cacheprovider -q -n auto --dist loadfile --nbval \
			--nbval-kernel-name $$kernel --nbval-sanitize-with tests/nbval-figures.cfg $(NB) || exit 1; \
		passed="$$packages"; \
	done

# CI=true lets Hypothesis try the same examples for every fault.
mutate: .envs/mutate/installed ## plant faults in dlutils: do its tests notice? (not in CI)
	@rm -rf mutants
	CI=true .envs/mutate/bin/mutmut run
	@.envs/mutate/bin/python tests/mutants.py

bench: .envs/bench/installed ## compare the speed of fit with PyTorch and scikit-learn (not in CI)
	@.envs/bench/bin/python benchmarks/training.py

bench-site: .venv/installed ## compare the site's weight and build times with the default's (not in CI)
	@$(BIN)/python benchmarks/site.py

bench-grading: .venv/installed .envs/grading/installed ## grade a class of 500, a tenth of it hostile, beside nbgrader (not in CI)
	@$(BIN)/python benchmarks/grading.py

links: .venv/installed ## ask whether the links to other sites still lead somewhere (not in CI)
	@$(BIN)/jupyter-book build -q --builder linkcheck --path-output _build/links . && \
		echo "Every link leads somewhere."

lock: .envs/lock/bin/uv ## pin the newest releases in requirements.txt and binder/requirements.txt
	.envs/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
		--all-extras --upgrade --custom-compile-command "make lock" -o requirements.txt pyproject.toml
	@echo "-e ." >>requirements.txt
	@{ echo "# What Binder needs to run the notebooks; 'make lock' copies the pins."; \
		grep -E "^(numpy|matplotlib|ipywidgets)==" requirements.txt; echo "."; } >binder/requirements.txt

clean: ## remove everything that the other commands made
	rm -rf .envs .venv _build build mutants *.egg-info .*_cache .hypothesis

# After a failure, and when the book's order or settings change, the next build starts from nothing,
# since Sphinx repeats no warning about a page that it has read before.
_build/configured: _config.yml _toc.yml $(wildcard _ext/*.py _ext/templates/*) .venv/installed
	@rm -rf _build
	@mkdir _build && touch $@

# The stamp bears the time of the start, so that whatever changes meanwhile is built the next time.
# A build that is cut short does not count as configured: the next one starts from nothing.
_build/built: _build/configured $(PAGES)
	@rm -f $@ && touch _build/started && mv _build/configured _build/unfinished
	$(BIN)/jupyter-book build -q -W -n --keep-going . >/dev/null
	@mv _build/unfinished _build/configured && mv _build/started $@

# The page of the cheat sheet offers the PDF once it is there.
_build/$(NAME).pdf _build/$(NAME).epub $(SHEET): _build/built _ext/epub.css
	@$(BIN)/python _ext/press.py $@

.venv/installed: requirements.txt pyproject.toml .venv/bin/python
	@echo "Installing into .venv (a few minutes the first time)"
	@$(call quietly,.venv/pip.log,$(BIN)/python -m pip install --requirement requirements.txt)
	@touch $@

.venv/bin/python:
	@found=""; \
	for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
		$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
		found=$${found:-$$python}; \
		$$python -c 'import ensurepip, venv' 2>/dev/null && exec $$python -m venv --clear .venv; \
	done; \
	if [ "$$found" ]; then echo "$$found lacks its venv module:" \
		"install it (Debian, Ubuntu: apt install python3-venv)"; \
	else echo "Python 3.11 or newer was not found: install it (https://www.python.org;" \
		"Debian, Ubuntu: apt install python3 python3-venv) or name it: make PYTHON=/its/path"; \
	fi >&2; exit 1

.envs/lock/bin/uv: .venv/bin/python
	@$(BIN)/python -m venv .envs/lock
	@$(call quietly,.envs/lock/pip.log,.envs/lock/bin/python -m pip install uv)

.envs/mutate/installed: requirements.txt .venv/bin/python
	@echo "Installing into .envs/mutate"
	@$(BIN)/python -m venv .envs/mutate
	@$(call quietly,.envs/mutate/pip.log,.envs/mutate/bin/python -m pip install mutmut==3.8.1 \
		$$(grep -oE "^(hypothesis|numpy|pytest|sympy)==[^ ]+" requirements.txt))
	@touch $@

# What the tests hand a release to: nbgrader is heavy, and Dask is for clusters.
.envs/grading/installed: .venv/installed
	@echo "Installing nbgrader and Dask into .envs/grading"
	@$(BIN)/python -m venv .envs/grading
	@$(call quietly,.envs/grading/pip.log,.envs/grading/bin/python -m pip install \
		nbgrader==0.9.6 distributed==2026.8.0 -e ".[grading]")
	@touch $@

.envs/bench/installed: benchmarks/requirements.txt .venv/bin/python
	@echo "Installing PyTorch and scikit-learn into .envs/bench"
	@$(BIN)/python -m venv .envs/bench
	@$(call quietly,.envs/bench/pip.log,\
		.envs/bench/bin/python -m pip install --requirement benchmarks/requirements.txt -e .)
	@touch $@

.envs/binder/installed: PACKAGES = --requirement binder/requirements.txt
.envs/newest/installed: PACKAGES = --upgrade --upgrade-strategy eager ".[widgets]"
# Binder and Colab bring a kernel of their own: hence ipykernel.
.envs/%/installed: .venv/installed binder/requirements.txt pyproject.toml $(PACKAGE)
	@echo "Installing into .envs/$*"
	@rm -rf build # or pip would ship modules that are gone
	@[ -x .envs/$*/bin/python ] || $(BIN)/python -m venv .envs/$*
	@$(call quietly,.envs/$*/pip.log,.envs/$*/bin/python -m pip install $(PACKAGES) ipykernel)
	@$(call quietly,.envs/$*/kernel.log,\
		.envs/$*/bin/python -m ipykernel install --prefix .venv --name $*)
	@touch $@
