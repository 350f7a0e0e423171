# Sensitivity analyses: Firth's penalised likelihood (brglm2), other links (svyglm) on the made-up rows of replicates.R, Rubin's rules (mitools).
# Writes sensitivity.csv, sensitivity_endometrial.csv (79 women, published by Heinze and Schemper 2002; as in brglm2) and sensitivity_smi.csv
# (coefficients and covariances from the five imputed data sets of mitools' `smi`).
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])), "common.R"))
suppressPackageStartupMessages({ library(brglm2); library(mitools) })

# ---- Firth -----------------------------------------------------------------------------------------------------------
data(endometrial, package = "brglm2")
write_table(endometrial[c("NV", "PI", "EH", "HG")], "sensitivity_endometrial.csv")
firth <- function(formula, data) suppressWarnings(glm(formula, data = data, family = binomial(), weights = .w, method = "brglmFit", type = "MPL_Jeffreys", epsilon = 1e-12, maxit = 10000))
emit_firth <- function(scenario, fit, X) {
  mu <- fitted(fit); V <- solve(crossprod(X * sqrt(fit$prior.weights * mu * (1 - mu))))
  score <- crossprod(X, fit$prior.weights * (fit$y - mu) + rowSums((X %*% V) * X) * fit$prior.weights * mu * (1 - mu) * (0.5 - mu))
  stopifnot(max(abs(score)) < 1e-7)                                        # Firth's modified score is zero
  emit(scenario, "coef", formulaic_names(fit), coef(fit)); emit(scenario, "se", formulaic_names(fit), sqrt(diag(V)))
}
endometrial$.w <- 1
e <- firth(HG ~ NV + PI + EH, endometrial)
emit_firth("sensitivity/endometrial/firth/NV + PI + EH", e, model.matrix(e))
same(sqrt(diag(vcov(e))), tail(.rows$all, 1)[[1]]$value, 1e-6, "brglm2's standard errors and the inverse information")
printed(coef(e), c("3.77455951", "2.92927330", "-0.03475175", "-2.60416387"), "6.1", 60)   # logistf stops early

# ---- made-up rows ------------------------------------------------------------------------------------------------------
made <- read.csv(file.path(script_dir(), "replicates_data.csv"))
made$a <- factor(made$a, levels = c("no", "yes")); made$b <- factor(made$b, levels = c("no", "yes"))
made$c <- factor(c("x", "y", "z")[(seq_len(nrow(made)) - 1) %% 3 + 1])
made$.w <- made$w * nrow(made) / sum(made$w)
for (formula in c("a * b", "a + b + c")) {
  fit <- firth(as.formula(paste("y ~", formula)), made)
  emit_firth(paste0("sensitivity/made/firth/", formula), fit, model.matrix(fit))
}

# Under some weights w (and replicate weights): coefficients, and the gap between a = b = yes and a = b = no, averaged over the rows.
families <- list(logit = quasibinomial(), log = quasipoisson("log"), identity = gaussian())
tight <- function(formula, design, family) {
  control <- glm.control(epsilon = 1e-14, maxit = 200)
  first <- do.call(svyglm, list(formula, design = design, family = family, control = control))
  fit <- do.call(svyglm, list(formula, design = design, family = family, control = control, start = unname(coef(first))))
  same(coef(first), coef(fit), 1e-9, "first and second fit")
  fit
}
emit_link <- function(scenario, design, link, formula) {
  fit <- tight(as.formula(paste("y ~", formula)), design, families[[link]])
  emit(scenario, "coef", formulaic_names(fit), coef(fit)); emit(scenario, "se", formulaic_names(fit), SE(fit))
  w <- row_weights(design); w <- w / sum(w); rows <- design$variables
  X <- lapply(c("yes", "no"), function(level) { rows$a[] <- level; rows$b[] <- level; model.matrix(delete.response(terms(fit)), rows, xlev = fit$xlevels) })
  eta <- lapply(X, function(x) drop(x %*% coef(fit)))
  J <- Reduce(`-`, Map(function(x, e) colSums(w * families[[link]]$mu.eta(e) * x), X, eta))
  gap <- Reduce(`-`, lapply(eta, function(e) sum(w * families[[link]]$linkinv(e)))); se <- sqrt(drop(J %*% vcov(fit) %*% J)); df <- degf(design)
  emit(scenario, "estimate", "gap", gap); emit(scenario, "se", "gap", se); emit(scenario, "df", "design", df)
  emit(scenario, "conf_low", "gap", gap - tq(df) * se); emit(scenario, "conf_high", "gap", gap + tq(df) * se)
}
cap <- pmin(made$w, quantile(made$w, 0.9))
scaled <- list(weighted = rep(1, nrow(made)), unweighted = 1 / made$w, trimmed = cap / made$w)
for (use in names(scaled)) {
  rows <- made; rows$w <- rows$w * scaled[[use]] * sum(made$w) / sum(made$w * scaled[[use]])
  W <- as.matrix(rows[grep("^jk1_", names(rows))]) * rows$w / made$w
  designs <- list(taylor = svydesign(ids = ~psu, strata = ~stratum, nest = TRUE, weights = ~w, data = rows),
    jk1 = suppressWarnings(svrepdesign(data = rows, weights = ~w, repweights = W, type = "JK1", combined.weights = TRUE, mse = TRUE)))
  for (kind in names(designs)) for (link in names(families)) for (formula in c("a * b", "a + b", "a * b + c", "a + b + c"))
    emit_link(paste("sensitivity/made", kind, use, link, formula, sep = "/"), designs[[kind]], link, formula)
}

# ---- Rubin's rules -----------------------------------------------------------------------------------------------------
data(smi)
models <- suppressWarnings(with(smi, glm(drinkreg ~ wave * sex, family = binomial())))   # the example of ?MIcombine
betas <- MIextract(models, fun = coef); vars <- MIextract(models, fun = vcov)
write_table(do.call(rbind, lapply(seq_along(betas), function(i) { V <- unname(vars[[i]]); data.frame(imputation = i, term = c("Intercept", "wave", "sex", "wave:sex"), coef = unname(betas[[i]]), v1 = V[, 1], v2 = V[, 2], v3 = V[, 3], v4 = V[, 4]) })), "sensitivity_smi.csv")
m <- length(betas); U <- Reduce(`+`, vars) / m; B <- var(do.call(rbind, betas)); total <- U + (1 + 1 / m) * B
for (complete in c(Inf, 30)) {
  scenario <- paste0("sensitivity/smi/rubin/df=", complete); name <- c("Intercept", "wave", "sex", "wave:sex")
  pooled <- MIcombine(betas, vars)
  same(diag(pooled$variance), diag(total), 1e-12, "mitools and the formula")
  # Barnard and Rubin (1999). mitools 2.4 with df.complete leaves out 1 + 1/m in the second line, so its degrees of freedom are not taken.
  lambda <- diag((1 + 1 / m) * B / total)
  df <- (m - 1) / lambda^2
  if (is.finite(complete)) df <- 1 / (1 / df + 1 / ((complete + 1) / (complete + 3) * complete * (1 - lambda))) else same(df, pooled$df, 1e-9, "mitools df")
  if (requireNamespace("mice", quietly = TRUE)) same(df, mapply(function(b, u) mice::pool.scalar(sapply(betas, `[`, b), sapply(vars, function(v) v[b, b]), n = complete + 1, k = 1)$df, 1:4, 1:4), 1e-9, "mice df")
  r <- lambda / (1 - lambda)
  if (!is.finite(complete)) same((r + 2 / (df + 3)) / (r + 1), pooled$missinfo, 1e-9, "mitools missinfo")
  emit(scenario, "coef", name, coef(pooled)); emit(scenario, "se", name, sqrt(diag(total))); emit(scenario, "df", name, df)
  emit(scenario, "estimate", paste("fmi", name), (r + 2 / (df + 3)) / (r + 1))
  emit(scenario, "conf_low", name, coef(pooled) - qt(0.975, df) * sqrt(diag(total))); emit(scenario, "conf_high", name, coef(pooled) + qt(0.975, df) * sqrt(diag(total)))
  emit(scenario, "p_value", name, 2 * pt(-abs(coef(pooled)) / sqrt(diag(total)), df))
}
printed(coef(MIcombine(betas, vars)), c("-2.2597435757", "0.2405524958", "0.6490522198", "-.0372542155"), "MIcombine")
printed(sqrt(diag(total)), c(".2683073056", ".0658742303", ".3491926368", ".0860919885"), "MIcombine SE")
write_rows("sensitivity.csv")
