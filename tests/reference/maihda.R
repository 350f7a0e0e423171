# Random-intercept logistic models of strata: lme4 (maximum likelihood, Laplace and 25-point quadrature) and glmmTMB (REML-Laplace).
# Writes maihda.csv and maihda_data.csv, the grouped counts the models are fitted to. Nobody's answers are in it: cattle (cbpp),
# admissions (UCBAdmissions, 1973, public), made-up strata, and the 50 strata of a public teaching table (see README).
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])), "common.R"))
suppressPackageStartupMessages({ library(lme4); library(glmmTMB) })

# ---- data: source, three axes, n, events -------------------------------------------------------------------------------
counts <- function(source, a, b, c, n, events) data.frame(source = source, a = as.character(a), b = as.character(b), c = as.character(c), n = n, events = events)
cattle <- counts("cbpp", sprintf("herd%02d", as.integer(as.character(cbpp$herd))), cbpp$period, "all", cbpp$size, cbpp$incidence)
ucb <- as.data.frame(UCBAdmissions)
ucb <- merge(aggregate(Freq ~ Dept + Gender, ucb, sum), ucb[ucb$Admit == "Admitted", c("Dept", "Gender", "Freq")], by = c("Dept", "Gender"))
ucb <- counts("ucb", ucb$Dept, ucb$Gender, "all", ucb$Freq.x, ucb$Freq.y)
health <- read.csv(data_file("maihda", "maihda_health_data.csv"))
health <- aggregate(cbind(n = 1, events = Obese == "Yes") ~ Education + Race + Gender, health, sum)
health <- counts("health", health$Gender, health$Race, health$Education, health$n, health$events)
made_up <- function(source, levels, people, sd, seed) {
  RNGkind("Mersenne-Twister", "Inversion", "Rejection"); set.seed(seed)
  grid <- expand.grid(c = seq_len(levels[3]), b = seq_len(levels[2]), a = seq_len(levels[1]))
  n <- 12 + as.vector(rmultinom(1, people, rep(1, nrow(grid))))
  eta <- -0.5 + 0.3 * (grid$a - 1) / levels[1] + 0.4 * (grid$b - 1) / levels[2] + 0.5 * (grid$c - 1) / levels[3] + sd * rnorm(nrow(grid))
  pad <- function(x) sprintf("l%02d", x)
  counts(source, pad(grid$a), pad(grid$b), pad(grid$c), n, rbinom(nrow(grid), n, plogis(eta)))
}
data <- rbind(cattle, ucb, health, made_up("strata16", c(2, 4, 2), 3000, 0.4, 1), made_up("strata480", c(8, 6, 10), 12000, 0.25, 2))
write_table(data, "maihda_data.csv")

# ---- fits ----------------------------------------------------------------------------------------------------------------
# glmer's default optimum is good to 1e-3 only: bobyqa with a tiny end radius, started again from its own solution.
tight_glmer <- function(formula, data, points) {
  control <- do.call(glmerControl, list("bobyqa", tolPwrss = 1e-13, optCtrl = list(rhoend = 1e-11, maxfun = 1e6), calc.derivs = FALSE))
  fit <- glmer(formula, data, binomial, nAGQ = points, control = control)
  for (again in 1:2) fit <- glmer(formula, data, binomial, nAGQ = points, control = control, start = getME(fit, c("theta", "fixef")))
  fit
}
# glmmTMB with REML, from the solution again; `theta` (log standard deviation) may be held.
tight_reml <- function(formula, data, theta = NULL) {
  control <- glmmTMBControl(optCtrl = list(iter.max = 1e4, eval.max = 1e4, rel.tol = 1e-14))
  if (!is.null(theta)) return(glmmTMB(formula, data, binomial, REML = TRUE, control = control, start = list(theta = theta), map = list(theta = factor(NA))))
  fit <- suppressWarnings(glmmTMB(formula, data, binomial, REML = TRUE, control = control))  # "singular convergence": no step left to take
  fit <- suppressWarnings(glmmTMB(formula, data, binomial, REML = TRUE, control = control, start = list(theta = unname(getME(fit, "theta")))))
  stopifnot(max(abs(fit$sdr$gradient.fixed)) < 1e-4)
  fit
}
emit_fit <- function(scenario, fixed, variance, names) {
  emit(scenario, "estimate", "variance", variance)
  emit(scenario, "coef", names, fixed)
}
names_of <- function(x) sub("^([abc])(.+)$", "\\1[T.\\2]", sub("(Intercept)", "Intercept", x, fixed = TRUE))
models <- list(cbpp = c(null = "1", adjusted = "b"), ucb = c(null = "1", adjusted = "b"), health = c(null = "1", additive = "a + b + c"),
               strata16 = c(null = "1", additive = "a + b + c"), strata480 = c(null = "1", additive = "a + b + c"))
for (source in names(models)) {
  d <- data[data$source == source, ]
  d$stratum <- if (source %in% c("cbpp", "ucb")) d$a else paste(d$a, d$b, d$c)
  for (model in names(models[[source]])) {
    formula <- as.formula(paste("cbind(events, n - events) ~", models[[source]][model], "+ (1 | stratum)"))
    for (points in c(1, 25)) {
      fit <- tight_glmer(formula, d, points)
      emit_fit(sprintf("%s/%s/ml/%d", source, model, points), fixef(fit), VarCorr(fit)$stratum[1], names_of(names(fixef(fit))))
    }
    fit <- tight_reml(formula, d)
    fixed <- fixef(fit)$cond
    emit_fit(sprintf("%s/%s/reml/1", source, model), fixed, VarCorr(fit)$cond$stratum[1], names_of(names(fixed)))
    if (source != "strata480") {
      both <- ranef(fit)$cond$stratum
      emit(sprintf("%s/%s/reml/1", source, model), "estimate", paste0("intercept ", rownames(both)), both[[1]])
    }
  }
}
# grouped counts and single answers give the same fit
single <- cbpp[rep(seq_len(nrow(cbpp)), cbpp$size), c("herd", "period")]
single$y <- unlist(Map(function(y, n) rep(1:0, c(y, n - y)), cbpp$incidence, cbpp$size))
fit <- tight_glmer(y ~ 1 + (1 | herd), single, 25)
emit("cbpp/null/ml/25/single", "estimate", "variance", VarCorr(fit)$herd[1])
# profile interval of the REML standard deviation
d <- data[data$source == "strata16", ]; d$stratum <- paste(d$a, d$b, d$c)
formula <- cbind(events, n - events) ~ 1 + (1 | stratum)
fit <- tight_reml(formula, d)
best <- unname(getME(fit, "theta"))
drop <- function(theta) 2 * as.numeric(logLik(fit) - logLik(tight_reml(formula, d, theta))) - qnorm(0.975)^2
for (side in c("conf_low", "conf_high"))
  emit("strata16/null/reml/1", side, "variance", exp(2 * uniroot(drop, sort(best + c(0, if (side == "conf_low") -2 else 2)), tol = 1e-10)$root))
write_rows("maihda.csv")
