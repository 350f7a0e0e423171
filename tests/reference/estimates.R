# What is said of estimates beside their standard errors: sampled covariates, joint tests, interactions of three axes,
# Wilson intervals, adjusted p-values and planning. NHANES high cholesterol, and the rows of replicates_data.csv.
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])), "common.R"))
d <- read.csv(data_file("r_survey", "nhanes.csv"))
d$agecat <- factor(d$agecat, levels = c("(0,19]", "(19,39]", "(39,59]", "(59,Inf]"))
d$gender <- factor(d$RIAGENDR); d$race <- factor(d$race)
d$older <- factor(ifelse(d$agecat %in% c("(39,59]", "(59,Inf]"), "yes", "no")); d$white <- factor(ifelse(d$race == "2", "yes", "no"))
design <- svydesign(ids = ~SDMVPSU, strata = ~SDMVSTRA, nest = TRUE, weights = ~WTMEC2YR, data = d)
used <- complete(design, c("HI_CHOL", "agecat", "race", "gender"))

# ---- predictive margins of gender, covariates as sampled -------------------------------------------------------------------
# Influence of person i on the margin: J I^-1 x_i w_i (y_i - mu_i) + w_i (mu_i(g) - p_g) / W; svypredmeans leaves out the covariance of the two.
margins <- function(design, y, others, by) {
  fit <- tight_svyglm(paste(y, "~", paste(c(others, by), collapse = " + ")), design)
  v <- design$variables; w <- row_weights(design); W <- sum(w)
  x <- model.matrix(fit); mu <- fitted(fit)
  bread <- solve(crossprod(x, x * (w * mu * (1 - mu))))
  U <- sapply(levels(v[[by]]), function(g) {
    rows <- v; rows[[by]] <- factor(g, levels = levels(v[[by]]))
    xg <- model.matrix(delete.response(terms(fit)), rows, xlev = fit$xlevels); m <- plogis(drop(xg %*% coef(fit)))
    p <- sum(w * m) / W; J <- colSums(w * m * (1 - m) * xg) / W
    c(p, drop((x * (w * (v[[y]] - mu))) %*% bread %*% J) + w * (m - p) / W)
  })
  list(fit = fit, p = U[1, ], U = U[-1, ])
}
made <- margins(used, "HI_CHOL", c("agecat", "race"), "gender")
V <- svyrecvar(made$U, used$cluster, used$strata, used$fpc, postStrata = used$postStrata)
name <- paste0("gender=", names(made$p))
emit("estimates/nhanes/sampled", "estimate", name, made$p); emit("estimates/nhanes/sampled", "se", name, sqrt(diag(V)))
emit("estimates/nhanes/sampled", "statistic", "covariance", V[1, 2])
pm <- svypredmeans(svyglm(HI_CHOL ~ agecat + race, used, family = quasibinomial(), control = glm.control(epsilon = 1e-14, maxit = 100)), ~gender)
emit("estimates/nhanes/svypredmeans", "estimate", paste0("gender=", names(coef(pm))), coef(pm)); emit("estimates/nhanes/svypredmeans", "se", paste0("gender=", names(coef(pm))), SE(pm))

# with replicate weights: refits, averaged with the weights of each replicate
rows <- read.csv(file.path(script_dir(), "replicates_data.csv")); scales <- subset(read.csv(file.path(script_dir(), "replicates_scales.csv")), type == "JKn")
rows$a <- factor(rows$a, levels = c("no", "yes")); rows$b <- factor(rows$b, levels = c("no", "yes"))
f <- function(w) {
  rows$own <- w
  fit <- suppressWarnings(glm(y ~ a + b, binomial, rows, weights = own, control = glm.control(epsilon = 1e-14, maxit = 100)))
  vapply(levels(rows$a), function(g) sum(w * predict(fit, transform(rows, a = factor(g, levels = levels(rows$a))), type = "response")) / sum(w), 0)
}
theta <- t(vapply(scales$column, function(column) f(rows[[column]]), c(0, 0)))
p <- f(rows$w); V <- svrVar(theta, 1, scales$scale * scales$rscale, mse = TRUE, coef = p)
emit("estimates/replicates/sampled", "estimate", paste0("a=", names(p)), p); emit("estimates/replicates/sampled", "se", paste0("a=", names(p)), sqrt(diag(V)))

# ---- joint test of gaps, ratios on the log scale -----------------------------------------------------------------------------
cells <- cell_cov(used, "HI_CHOL", "race")
for (kind in c("difference", "ratio")) {
  b <- if (kind == "ratio") log(cells$p) else cells$p; D <- if (kind == "ratio") diag(1 / cells$p) else diag(length(b))
  A <- cbind(-1, diag(length(b) - 1)) %*% D; L <- cbind(-1, diag(length(b) - 1)); q <- nrow(A)
  wald <- drop(t(L %*% b) %*% solve(A %*% cells$V %*% t(A)) %*% (L %*% b))
  emit(paste0("estimates/nhanes/joint/", kind), "statistic", c("wald", "adjusted"), c(wald / q, wald * (cells$df - q + 1) / (cells$df * q)))
  emit(paste0("estimates/nhanes/joint/", kind), "p_value", c("wald", "adjusted"), c(pf(wald / q, q, cells$df, lower.tail = FALSE), pf(wald * (cells$df - q + 1) / (cells$df * q), q, cells$df - q + 1, lower.tail = FALSE)))
  p <- 2 * pt(-abs(drop(L %*% b) / sqrt(diag(A %*% cells$V %*% t(A)))), cells$df)
  emit(paste0("estimates/nhanes/p/", kind), "p_value", c("race=2", "race=3", "race=4"), p)
  emit(paste0("estimates/nhanes/p_holm/", kind), "p_value", c("race=2", "race=3", "race=4"), p.adjust(p, "holm"))
  emit(paste0("estimates/nhanes/p_fdr_bh/", kind), "p_value", c("race=2", "race=3", "race=4"), p.adjust(p, "BH"))
}

# ---- three axes --------------------------------------------------------------------------------------------------------------
cells <- cell_cov(used, "HI_CHOL", c("gender", "older", "white"))
key <- c("p000", "p001", "p010", "p011", "p100", "p101", "p110", "p111")     # first axis slowest
stat <- structure(setNames(cells$p, key), var = structure(cells$V, dimnames = list(key, key)), class = "svystat")
three <- list(
  interaction_contrast = quote(p111 - p110 - p101 - p011 + p100 + p010 + p001 - p000),
  reri_rr = quote(p111 / p000 - p110 / p000 - p101 / p000 - p011 / p000 + p100 / p000 + p010 / p000 + p001 / p000 - 1),
  ap = quote((p111 - p110 - p101 - p011 + p100 + p010 + p001 - p000) / p111),
  ratio_of_rr = quote(log(p111) - log(p110) - log(p101) - log(p011) + log(p100) + log(p010) + log(p001) - log(p000)),
  ratio_of_or = quote(log(p111 / (1 - p111)) - log(p110 / (1 - p110)) - log(p101 / (1 - p101)) - log(p011 / (1 - p011)) + log(p100 / (1 - p100)) + log(p010 / (1 - p010)) + log(p001 / (1 - p001)) - log(p000 / (1 - p000))))
for (m in names(three)) { r <- svycontrast(stat, list(m = three[[m]])); emit("estimates/nhanes/three", "estimate", m, coef(r)); emit("estimates/nhanes/three", "se", m, SE(r)) }
fit <- tight_svyglm("HI_CHOL ~ gender * older * white", used)
same(tail(coef(fit), 1), coef(svycontrast(stat, three$ratio_of_or)), 1e-8, "ratio of odds ratios and the three-way coefficient")

# ---- Wilson interval with the effective sample size of svyciprop(method = "beta") -----------------------------------------------
cells <- cell_cov(used, "HI_CHOL", "race")
for (i in seq_along(cells$p)) {
  n <- cells$p[i] * (1 - cells$p[i]) / cells$V[i, i] * (qt(0.025, cells$n[i] - 1) / qt(0.025, cells$df))^2
  wilson <- suppressWarnings(prop.test(n * cells$p[i], n, correct = FALSE)$conf.int)
  beta <- c(qbeta(0.025, n * cells$p[i], n * (1 - cells$p[i]) + 1), qbeta(0.975, n * cells$p[i] + 1, n * (1 - cells$p[i])))
  emit("estimates/nhanes/wilson", "conf_low", cells$name[i], wilson[1]); emit("estimates/nhanes/wilson", "conf_high", cells$name[i], wilson[2])
  emit("estimates/nhanes/beta", "conf_low", cells$name[i], beta[1]); emit("estimates/nhanes/beta", "conf_high", cells$name[i], beta[2])
}

# ---- planning ------------------------------------------------------------------------------------------------------------------
for (case in list(c(0.1, 1000, 0.8), c(0.4, 150, 0.9), c(0.02, 5000, 0.5)))
  emit("estimates/power", "estimate", paste(case, collapse = ";"), power.prop.test(n = case[2], p1 = case[1], power = case[3], tol = 1e-14)$p2 - case[1])
write_rows("estimates.csv")
