# The peers in R of what peers.R does not do: bootstrap replicates and MAIHDA. Started by bench.py.
#
#   Rscript others.R replicates data.csv "gender=man|woman" "age_band,country" 1000
#   Rscript others.R maihda strata.csv
#
# Prints lines of quantity, name and value, and then `end`, as peers.R does.
arguments <- commandArgs(TRUE)
emit <- function(quantity, name, value) cat(paste(quantity, name, sprintf("%.17g", value), sep = "\t"), sep = "\n")
clock <- function() {
  now <- proc.time()
  c(now[["elapsed"]], now[["user.self"]] + now[["sys.self"]])
}
report <- function(part, from) {
  taken <- clock() - from
  emit("wall", part, taken[1])
  emit("cpu", part, taken[2])
}
split_at <- function(text, mark) strsplit(text, mark, fixed = TRUE)[[1]]

replicates <- function(path, identities, controls, size) {
  suppressPackageStartupMessages(library(survey))
  d <- read.csv(path, na.strings = "")
  axes <- character()
  for (part in split_at(identities, ",")) {
    named <- split_at(part, "=")
    axes <- c(axes, named[1])
    d[[named[1]]] <- factor(d[[named[1]]], levels = split_at(named[2], "|"))
  }
  for (axis in c(split_at(controls, ","), "stratum")) d[[axis]] <- factor(d[[axis]])
  model <- as.formula(paste("y ~", paste(c(paste(axes, collapse = " * "), split_at(controls, ",")), collapse = " + ")))
  set.seed(1)
  start <- clock()
  design <- svydesign(ids = ~1, strata = ~stratum, weights = ~weight, data = d)
  drawn <- as.svrepdesign(design, type = "subbootstrap", replicates = as.integer(size))
  report("weights", start)
  start <- clock()
  fit <- svyglm(model, drawn, family = quasibinomial())
  report("fit", start)
  emit("SE", names(coef(fit)), sqrt(diag(vcov(fit))))
}

maihda <- function(path) {
  suppressPackageStartupMessages(library(lme4))
  d <- read.csv(path)
  axes <- setdiff(names(d), c("n", "events", "stratum"))
  for (axis in axes) d[[axis]] <- factor(d[[axis]])
  fit_of <- function(right, ...) {
    formula <- as.formula(paste("cbind(events, n - events) ~", right, "+ (1 | stratum)"))
    suppressMessages(suppressWarnings(glmer(formula, d, binomial, ...)))
  }
  fit_of("1")  # compiled now
  start <- clock()
  null <- fit_of("1")
  additive <- fit_of(paste(axes, collapse = " + "))
  report("all", start)
  # glmer's default optimum is good to about a thousandth; what is compared is a tighter one
  tight <- glmerControl("bobyqa", tolPwrss = 1e-9, optCtrl = list(rhoend = 1e-11, maxfun = 1e6), calc.derivs = FALSE)
  null <- fit_of("1", control = tight)
  additive <- fit_of(paste(axes, collapse = " + "), control = tight)
  emit("variance", c("null", "additive"), c(VarCorr(null)$stratum[1], VarCorr(additive)$stratum[1]))
}

cat("version\tR\t", R.version$major, ".", R.version$minor, "\n", sep = "")
if (arguments[1] == "maihda") maihda(arguments[2]) else replicates(arguments[2], arguments[3], arguments[4], arguments[5])
cat("end\n")
