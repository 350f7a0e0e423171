# Weighted shares of Kish's effective people in random-intercept models. glmer rounds binomial counts inside its likelihood,
# so the weights are made for effective people and events to be whole: a third as many people of weight 3 as of weight 1
# (4 l people are worth 3 l), times a factor of each cell.
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])), "common.R"))
suppressPackageStartupMessages(library(lme4))
RNGkind("Mersenne-Twister", "Inversion", "Rejection"); set.seed(5)
grid <- expand.grid(c = c("l1", "l2"), b = c("l1", "l2", "l3"), a = c("l1", "l2", "l3"), stringsAsFactors = FALSE)
own <- 0.5 * rnorm(nrow(grid))
people <- do.call(rbind, lapply(seq_len(nrow(grid)), function(i) {
  l <- sample(8:24, 1)
  w <- rep(c(1, 3), c(3 * l, l))
  y <- rbinom(4 * l, 1, plogis(-0.4 + 0.3 * (grid$b[i] == "l2") + 0.4 * (grid$c[i] == "l2") + own[i]))
  if (sum(w * y) %% 2 == 1) y[1] <- 1 - y[1]
  data.frame(grid[i, ], w = w * sample(c(0.5, 1, 2.5), 1), y = y, row.names = NULL)
}))
people <- people[sample(nrow(people)), c("a", "b", "c", "w", "y")]
write_table(people, "maihda_weighted_data.csv")
sums <- aggregate(cbind(w = w, wy = w * y, w2 = w^2) ~ c + b + a, people, sum)
sums$n <- sums$w^2 / sums$w2                     # Kish's effective number of people
sums$events <- sums$wy / sums$w * sums$n
stopifnot(abs(sums$n - round(sums$n)) < 1e-9, abs(sums$events - round(sums$events)) < 1e-9)
sums$n <- round(sums$n); sums$events <- round(sums$events)
names_of <- function(x) sub("^([abc])(.+)$", "\\1[T.\\2]", sub("(Intercept)", "Intercept", x, fixed = TRUE))
control <- do.call(glmerControl, list("bobyqa", tolPwrss = 1e-13, optCtrl = list(rhoend = 1e-11, maxfun = 1e6), calc.derivs = FALSE))
fit_ml <- function(formula, data) {
  fit <- glmer(formula, data, binomial, control = control)
  for (again in 1:2) fit <- glmer(formula, data, binomial, control = control, start = getME(fit, c("theta", "fixef")))
  fit
}
emit_fit <- function(scenario, data, fixed) {
  fit <- fit_ml(as.formula(paste("cbind(events, n - events) ~", fixed, "+ (1 | stratum)")), data)
  emit(scenario, "estimate", "variance", VarCorr(fit)$stratum[1])
  emit(scenario, "coef", names_of(names(fixef(fit))), fixef(fit))
}
sums$stratum <- paste(sums$a, sums$b, sums$c)
emit_fit("strata/null", sums, "1")
emit_fit("strata/additive", sums, "a + b + c")
sums$stratum <- paste(sums$a, sums$b)            # c is a covariate: cells are finer than strata
emit_fit("covariate/null", sums, "1")
emit_fit("covariate/adjusted", sums, "c")
write_rows("maihda_weighted.csv")
