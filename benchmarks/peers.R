# The peer `svyglm` of peers.py: design, fit and gaps by R's survey. Started by peers.py, one process for each file.
#
#   Rscript peers.R data.csv "gender=man|woman,ethnicity=majority|minority" "age_band,country"
#
# With `once` behind, the job is done a single time and the gaps are printed: that is the whole process.
#
# The file has the columns y, weight, stratum, psu (if there are PSUs), the identities and the controls. Answers each
# line of standard input, `check` or `time`, with lines of quantity, name and value, and then `end`.
suppressPackageStartupMessages(library(survey))
arguments <- commandArgs(TRUE)
split_at <- function(text, mark) strsplit(text, mark, fixed = TRUE)[[1]]
controls <- split_at(arguments[3], ",")
identities <- list()
for (part in split_at(arguments[2], ",")) {
  named <- split_at(part, "=")
  identities[[named[1]]] <- split_at(named[2], "|")
}
d <- read.csv(arguments[1], na.strings = "")
for (axis in names(identities)) d[[axis]] <- factor(d[[axis]], levels = identities[[axis]])
for (axis in c(controls, "stratum")) d[[axis]] <- factor(d[[axis]])
model <- as.formula(paste("y ~", paste(c(paste(names(identities), collapse = " * "), controls), collapse = " + ")))
pairs <- combn(names(identities), 2, simplify = FALSE)

make_design <- function() {
  if ("psu" %in% names(d)) svydesign(ids = ~psu, strata = ~stratum, weights = ~weight, nest = TRUE, data = d)
  else svydesign(ids = ~1, strata = ~stratum, weights = ~weight, data = d)
}

# Gap of each pair: average probability with both identities set to the second level, less that with both set to the
# first; the others' identities stay. Their joint covariance is by the delta method, with the people as they are.
pair_gaps <- function(fit) {
  people <- model.frame(fit)
  w <- weights(fit$survey.design)
  w <- w / sum(w)
  right <- delete.response(terms(fit))
  level <- function(pair, which) {
    for (axis in pair) people[[axis]][] <- identities[[axis]][which]
    x <- model.matrix(right, people, contrasts.arg = fit$contrasts)
    p <- plogis(drop(x %*% coef(fit)))
    list(p = sum(w * p), slope = drop(crossprod(x, w * p * (1 - p))))
  }
  values <- lapply(pairs, function(pair) {
    high <- level(pair, 2)
    low <- level(pair, 1)
    list(gap = high$p - low$p, slope = high$slope - low$slope)
  })
  jacobian <- do.call(rbind, lapply(values, `[[`, "slope"))
  list(gap = vapply(values, `[[`, 0, "gap"), vcov = jacobian %*% vcov(fit) %*% t(jacobian))
}

emit <- function(quantity, name, value) cat(paste(quantity, name, sprintf("%.17g", value), sep = "\t"), sep = "\n")
clock <- function() {
  now <- proc.time()
  c(now[["elapsed"]], now[["user.self"]] + now[["sys.self"]])
}

# R stops early by default: what is compared is a tighter fit, of which the standard errors lag one step (about 1e-10).
tight <- glm.control(epsilon = 1e-14, maxit = 100)
check <- function() {
  fit <- svyglm(model, make_design(), family = quasibinomial(), control = tight)
  gaps <- pair_gaps(fit)
  name <- vapply(pairs, paste, "", collapse = " x ")
  emit("coefficient", names(coef(fit)), coef(fit))
  emit("SE", names(coef(fit)), sqrt(diag(vcov(fit))))
  emit("gap", name, gaps$gap)
  emit("gap SE", name, sqrt(diag(gaps$vcov)))
  emit("gap covariance", outer(name, name, paste, sep = " / "), gaps$vcov)
}

measure <- function() {
  t0 <- clock(); design <- make_design()
  t1 <- clock(); fit <- svyglm(model, design, family = quasibinomial())
  t2 <- clock(); gaps <- pair_gaps(fit)
  t3 <- clock()
  taken <- cbind(t1 - t0, t2 - t1, t3 - t2)
  emit("wall", c("design", "fit", "gaps"), taken[1, ])
  emit("cpu", c("design", "fit", "gaps"), taken[2, ])
  gaps
}

if (length(arguments) > 3) {
  print(measure())
  quit()
}

cat("version\tR\t", R.version$major, ".", R.version$minor, "\n", sep = "")
cat("version\tsurvey\t", as.character(packageVersion("survey")), "\n", sep = "")
cat("end\n")
asked <- file("stdin", "r")
while (length(word <- readLines(asked, 1))) {
  if (word == "check") check() else invisible(measure())
  cat("end\n")
}
