# Helpers shared by the reference scripts. Sourced by each of them; writes nothing by itself.
suppressPackageStartupMessages(library(survey))
options(survey.lonely.psu = "fail", survey.replicates.mse = TRUE, digits = 15, warn = 1, stringsAsFactors = FALSE)

# ---- folders ---------------------------------------------------------------------------------------------------------
script_dir <- function() {
  file <- grep("^--file=", commandArgs(FALSE), value = TRUE)
  if (length(file)) dirname(sub("^--file=", "", file[1])) else "."
}
out_dir <- Sys.getenv("TRUSTLIB_REFERENCE_OUT", script_dir())
data_file <- function(...) {
  folder <- Sys.getenv("TRUSTLIB_DATA")
  path <- file.path(if (nzchar(folder)) folder else "data/external", ...)
  if (!file.exists(path)) stop("no data file ", path, "; set TRUSTLIB_DATA to the folder that holds ", file.path(...), call. = FALSE)
  path
}

# ---- the CSV: scenario,quantity,name,value -----------------------------------------------------------------------------
QUANTITIES <- c("coef", "se", "df", "estimate", "conf_low", "conf_high", "statistic", "df_num", "df_den", "p_value", "n")
.rows <- new.env()
.rows$all <- list()
emit <- function(scenario, quantity, name, value) {
  value <- unname(unlist(value))
  stopifnot(quantity %in% QUANTITIES, length(scenario) == 1, length(name) %in% c(1, length(value)))
  if (any(!is.finite(value))) stop("not a finite number: ", scenario, " ", quantity, " ", paste(name, collapse = " | "))
  .rows$all[[length(.rows$all) + 1]] <- data.frame(scenario = scenario, quantity = quantity, name = name, value = value)
}
quote_csv <- function(x) ifelse(grepl('[",]', x), paste0('"', gsub('"', '""', x), '"'), x)
write_table <- function(table, file) {
  text <- lapply(table, function(column) if (is.numeric(column)) sprintf("%.15g", column) else quote_csv(as.character(column)))
  con <- file(file.path(out_dir, file), "wb")
  on.exit(close(con))
  writeLines(c(paste(names(table), collapse = ","), do.call(paste, c(unname(text), sep = ","))), con, sep = "\n")
}
write_rows <- function(file) {
  table <- do.call(rbind, .rows$all)
  twice <- duplicated(table[c("scenario", "quantity", "name")])
  if (any(twice)) stop("written twice: ", paste(table$scenario[twice], table$quantity[twice], table$name[twice], collapse = "\n"))
  write_table(table, file)
}

# ---- names -----------------------------------------------------------------------------------------------------------
# R's "genderwoman:ethnicityminority" -> formulaic's "gender[T.woman]:ethnicity[T.minority]".
formulaic_names <- function(fit) {
  xlevels <- fit$xlevels
  one <- function(piece) {
    if (piece == "(Intercept)") return("Intercept")
    for (v in names(xlevels)) for (l in xlevels[[v]]) if (piece == paste0(v, l)) return(sprintf("%s[T.%s]", v, l))
    piece
  }
  vapply(strsplit(names(coef(fit)), ":", fixed = TRUE), function(p) paste(vapply(p, one, ""), collapse = ":"), "")
}
cell_names <- function(grid) do.call(paste, c(unname(Map(function(v, x) paste0(v, "=", as.character(x)), names(grid), grid)), sep = ";"))

# ---- checks: a reference that does not agree with a second derivation is not written ----------------------------------
same <- function(a, b, rtol = 1e-8, what = "two derivations") {
  a <- unname(as.vector(unlist(a))); b <- unname(as.vector(unlist(b)))
  bad <- length(a) != length(b) || any(abs(a - b) > 1e-12 + rtol * pmax(abs(a), abs(b)))
  if (bad) stop(what, " differ: ", paste(sprintf("%.12g", a), collapse = " "), " against ", paste(sprintf("%.12g", b), collapse = " "))
  invisible(TRUE)
}
# Printed numbers: agree to half a unit of the last printed digit, given as text.
printed <- function(value, text, what, slack = 1) {
  for (i in seq_along(text)) {
    digits <- nchar(sub("^[^.]*\\.?", "", text[i]))
    if (abs(value[i] - as.numeric(text[i])) > slack * 0.5001 * 10^-digits)
      message("DISAGREES with the printed number: ", what, " [", i, "] ", sprintf("%.12g", value[i]), " printed ", text[i])
  }
}
printed_rtol <- function(value, number, what, rtol = 1e-4) {
  off <- abs(unname(value) / number - 1)
  if (any(off > rtol)) message("DISAGREES with the printed number: ", what, " by ", paste(signif(off, 3), collapse = " "))
}

# ---- fitting ---------------------------------------------------------------------------------------------------------
# R stops IRLS at epsilon 1e-8 and its sandwich uses weights one step stale: fit tightly, then again from the solution.
tight_svyglm <- function(formula, design) {
  if (is.character(formula)) formula <- as.formula(formula, env = globalenv())
  control <- glm.control(epsilon = 1e-14, maxit = 100)
  first <- do.call(svyglm, list(formula, design = design, family = quasibinomial(), control = control))
  fit <- do.call(svyglm, list(formula, design = design, family = quasibinomial(), control = control, start = unname(coef(first))))
  same(coef(first), coef(fit), 1e-9, "first and second fit")
  invisible(fit)
}
domain <- function(design, keep) { keep <- keep & !is.na(keep); design[which(keep), ] }
complete <- function(design, vars) domain(design, stats::complete.cases(design$variables[vars]))
is_rep <- function(design) inherits(design, "svyrep.design")
row_weights <- function(design) unname(as.vector(weights(design, "sampling")))
tq <- function(df) qt(0.975, df)

# Weighted means by cell with their full covariance, cells absent from a PSU or stratum counted as zeros there.
# Three derivations: influence values through svyrecvar (or the replicates), a saturated linear model, and svyby(covmat = TRUE).
cell_cov <- function(design, y, axes = NULL) {
  d <- complete(design, c(y, axes))
  v <- d$variables
  if (length(axes)) {
    grid <- rev(expand.grid(rev(lapply(v[axes], function(x) levels(droplevels(factor(x)))))))
    code <- match(do.call(paste, c(lapply(v[axes], as.character), sep = "\r")), do.call(paste, c(lapply(grid, as.character), sep = "\r")))
    name <- cell_names(grid)
  } else { grid <- NULL; code <- rep(1L, nrow(v)); name <- "all" }
  Z <- outer(code, seq_along(name), "==") * 1
  yy <- v[[y]]
  mean_by <- function(w) colSums(w * Z * yy) / colSums(w * Z)
  w <- row_weights(d)
  p <- mean_by(w)
  theta <- NULL
  if (is_rep(d)) {
    theta <- t(apply(weights(d, "analysis"), 2, mean_by))
    if (length(name) == 1) theta <- t(theta)
    V <- as.matrix(svrVar(theta, d$scale, d$rscales, mse = d$mse, coef = p))
    attributes(V) <- list(dim = dim(V))
  } else {
    U <- sweep(Z * outer(yy, p, "-") * w, 2, colSums(w * Z), "/")
    V <- svyrecvar(U, d$cluster, d$strata, d$fpc, postStrata = d$postStrata)
    # second derivation: a saturated linear model
    if (length(name) > 1) {
      d$variables$.cell <- factor(code); d$variables$.y <- yy
      fit <- svyglm(.y ~ 0 + .cell, d)
      same(coef(fit), p, 1e-9, "cell means and saturated model")
      same(vcov(fit), V, 1e-7, "covariance of cell means and of the saturated model")
    }
  }
  # third derivation
  if (length(axes)) {
    by <- svyby(as.formula(paste0("~", y)), as.formula(paste0("~", paste(axes, collapse = "+"))), d, svymean, covmat = TRUE)
    at <- match(cell_names(lapply(by[axes], as.character)), name)
    same(coef(by), p[at], 1e-9, "svyby means"); same(SE(by), sqrt(diag(V))[at], 1e-8, "svyby SE"); same(vcov(by), V[at, at], 1e-8, "svyby covariance")
  } else {
    m <- svymean(as.formula(paste0("~", y)), d)
    same(coef(m), p, 1e-9, "svymean"); same(SE(m), sqrt(V), 1e-8, "svymean SE")
  }
  list(design = d, name = name, grid = grid, p = unname(p), V = V, se = sqrt(diag(V)), df = degf(d), n = colSums(Z), theta = theta,
       events = colSums(Z * (yy == 1)), binary = all(yy %in% 0:1))
}
logit_interval <- function(p, se, df) { half <- tq(df) * se / (p * (1 - p)); list(low = plogis(qlogis(p) - half), high = plogis(qlogis(p) + half)) }

emit_levels <- function(scenario, cells) {
  emit(scenario, "estimate", cells$name, cells$p)
  emit(scenario, "se", cells$name, cells$se)
  ci <- if (cells$binary) logit_interval(cells$p, cells$se, cells$df) else list(low = cells$p - tq(cells$df) * cells$se, high = cells$p + tq(cells$df) * cells$se)
  emit(scenario, "conf_low", cells$name, ci$low)
  emit(scenario, "conf_high", cells$name, ci$high)
  emit(scenario, "n", cells$name, cells$n)
  emit(scenario, "df", "design", cells$df)
}

emit_logit <- function(scenario, fit, terms = NULL) {
  name <- formulaic_names(fit)
  se <- sqrt(diag(vcov(fit)))
  emit(scenario, "coef", name, coef(fit))
  emit(scenario, "se", name, se)
  emit(scenario, "conf_low", name, coef(fit) - tq(fit$df.residual) * se)
  emit(scenario, "conf_high", name, coef(fit) + tq(fit$df.residual) * se)
  emit(scenario, "df", "residual", fit$df.residual)
  emit(scenario, "df", "design", fit$df.residual + length(se) - 1)
  emit(scenario, "n", "rows", length(fit$y))
  for (term in terms) {
    test <- regTermTest(fit, as.formula(paste("~", term)))
    emit(scenario, "statistic", term, test$Ftest)
    emit(scenario, "df_num", term, test$df)
    emit(scenario, "df_den", term, test$ddf)
    emit(scenario, "p_value", term, test$p)
  }
}

# Predicted probabilities averaged over the weighted rows of the fit with some columns set to each row of `grid` (covariates fixed);
# delta method with the Jacobian sum(w p (1-p) x) / sum(w), checked against finite differences.
predictions <- function(fit, grid) {
  d <- fit$survey.design
  w <- row_weights(d); w <- w / sum(w)
  tt <- delete.response(terms(fit))
  X <- lapply(seq_len(nrow(grid)), function(i) {
    rows <- d$variables
    for (v in names(grid)) rows[[v]] <- if (is.factor(rows[[v]])) factor(as.character(grid[i, v]), levels = levels(rows[[v]])) else grid[i, v]
    model.matrix(tt, rows, xlev = fit$xlevels)
  })
  f <- function(beta) vapply(X, function(x) sum(w * plogis(drop(x %*% beta))), 0)
  b <- coef(fit)
  J <- t(vapply(X, function(x) { p <- plogis(drop(x %*% b)); colSums(w * p * (1 - p) * x) }, b))
  h <- 1e-5 / apply(abs(do.call(rbind, X)), 2, max)
  numeric <- matrix(vapply(seq_along(b), function(k) { e <- replace(0 * b, k, h[k]); (f(b + e) - f(b - e)) / 2e-5 }, numeric(nrow(grid))), nrow(grid))
  stopifnot(max(abs(numeric - sweep(J, 2, h / 1e-5, "*"))) < 1e-8)
  p <- f(b)
  V <- J %*% vcov(fit) %*% t(J)
  list(name = cell_names(lapply(grid, as.character)), p = p, V = unname(V), se = sqrt(diag(V)))
}
emit_predictions <- function(scenario, pr, df, interval = "logit") {
  emit(scenario, "estimate", pr$name, pr$p)
  emit(scenario, "se", pr$name, pr$se)
  ci <- if (interval == "logit") logit_interval(pr$p, pr$se, df) else list(low = pr$p - tq(df) * pr$se, high = pr$p + tq(df) * pr$se)
  emit(scenario, "conf_low", pr$name, ci$low)
  emit(scenario, "conf_high", pr$name, ci$high)
  emit(scenario, "df", "design", df)
}

# Each cell against a reference cell. `base` ends the scenario, e.g. hints6/taylor/mistrust/{kind}/gender,ethnicity with {kind} replaced.
emit_comparisons <- function(base, pr, df, reference) {
  r <- match(reference, pr$name); stopifnot(!is.na(r))
  kinds <- list(differences = quote(a - b), ratios = quote(log(a / b)), odds_ratios = quote(log(a / (1 - a)) - log(b / (1 - b))))
  for (i in setdiff(seq_along(pr$name), r)) for (kind in names(kinds)) {
    value <- eval(deriv(kinds[[kind]], c("a", "b")), list(a = pr$p[i], b = pr$p[r]))
    g <- attr(value, "gradient")
    est <- as.vector(value); se <- sqrt(drop(g %*% pr$V[c(i, r), c(i, r)] %*% t(g)))
    name <- paste(pr$name[i], "-", pr$name[r])
    low <- est - tq(df) * se; high <- est + tq(df) * se
    put <- function(kind, e, s, lo, hi) {
      scenario <- sub("{kind}", kind, base, fixed = TRUE)
      emit(scenario, "estimate", name, e); emit(scenario, "se", name, s)
      emit(scenario, "conf_low", name, lo); emit(scenario, "conf_high", name, hi)
    }
    if (kind == "differences") {
      put(kind, est, se, low, high)
      emit(sub("{kind}", kind, base, fixed = TRUE), "statistic", name, est / se)
      emit(sub("{kind}", kind, base, fixed = TRUE), "p_value", name, 2 * pt(-abs(est / se), df))
    } else {
      put(kind, exp(est), exp(est) * se, exp(low), exp(high))
      put(paste0(kind, "_log"), est, se, low, high)
    }
  }
  for (kind in c("differences", "ratios", "ratios_log", "odds_ratios", "odds_ratios_log"))
    emit(sub("{kind}", kind, base, fixed = TRUE), "df", "design", df)
}

# Interaction measures of a 2 x 2 of cell probabilities: p00 both reference, p10 first axis exposed, p01 second, p11 both.
MEASURES <- list(
  interaction_contrast = quote(p11 - p10 - p01 + p00),
  ratio_of_rr = quote(p11 * p00 / (p10 * p01)),
  ratio_of_or = quote((p11 / (1 - p11)) * (p00 / (1 - p00)) / ((p10 / (1 - p10)) * (p01 / (1 - p01)))),
  reri_rr = quote(p11 / p00 - p10 / p00 - p01 / p00 + 1),
  reri_or = quote((p11 / (1 - p11) - p10 / (1 - p10) - p01 / (1 - p01)) / (p00 / (1 - p00)) + 1),
  ap = quote((p11 / p00 - p10 / p00 - p01 / p00 + 1) / (p11 / p00)),
  synergy = quote((p11 / p00 - 1) / (p10 / p00 + p01 / p00 - 2)))
LOG_MEASURES <- c("ratio_of_rr", "ratio_of_or", "synergy")
emit_interactions <- function(base, cells) {
  stopifnot(length(cells$p) == 4)           # order of `cells`: first axis slowest: 00, 01, 10, 11
  key <- c("p00", "p01", "p10", "p11")
  at <- as.list(setNames(cells$p, key)); df <- cells$df
  put <- function(kind, name, ...) { q <- list(...); for (k in names(q)) emit(sub("{kind}", kind, base, fixed = TRUE), k, name, q[[k]]) }
  for (m in names(MEASURES)) {
    expression <- MEASURES[[m]]
    value <- eval(deriv(expression, key), at); g <- attr(value, "gradient"); est <- as.vector(value)
    se <- sqrt(drop(g %*% cells$V %*% t(g)))
    stat <- structure(unlist(at), var = structure(cells$V, dimnames = list(key, key)), class = "svystat")
    second <- svycontrast(stat, list(m = expression))
    same(c(coef(second), SE(second)), c(est, se), 1e-9, paste("svycontrast", m))
    replicate <- if (is.null(cells$theta)) NULL else apply(cells$theta, 1, function(x) eval(expression, as.list(setNames(x, key))))
    rep_se <- function(values, centre) sqrt(as.vector(svrVar(values, cells$design$scale, cells$design$rscales, mse = cells$design$mse, coef = centre)))
    if (m %in% LOG_MEASURES) {
      if (est <= 0) { message(base, ": ", m, " is not positive, its log is left out"); put("interactions", m, estimate = est, se = se); next }
      half <- tq(df) * se / est
      put("interactions", m, estimate = est, se = se, conf_low = est * exp(-half), conf_high = est * exp(half))
      put("interactions_log", m, estimate = log(est), se = se / est, conf_low = log(est) - half, conf_high = log(est) + half)
      if (!is.null(replicate) && all(is.finite(log(replicate)))) put("interactions_log_replicate", m, estimate = log(est), se = rep_se(log(replicate), log(est)))
    } else put("interactions", m, estimate = est, se = se, conf_low = est - tq(df) * se, conf_high = est + tq(df) * se)
    if (!is.null(replicate) && all(is.finite(replicate))) put("interactions_replicate", m, estimate = est, se = rep_se(replicate, est))
  }
  put("interactions", "design", df = df)
}

# Overall proportion, intervals as svyciprop makes them; "logit" and "likelihood" from a tight fit (svyciprop fits at 1e-8), checked against it.
emit_ciprop <- function(base, design, y, methods) {
  d <- complete(design, y)
  cells <- cell_cov(design, y)
  df <- degf(d)
  p <- cells$p; se <- cells$se
  for (method in methods) {
    r <- svyciprop(as.formula(paste0("~", y)), d, method = method, df = df)
    ci <- as.vector(attr(r, "ci"))
    if (method == "logit") {
      exact <- unlist(logit_interval(p, se, df))
      same(ci, exact, 1e-3, "svyciprop logit and its formula")           # 1e-4 apart: the stale weights again
      tight <- plogis(as.vector(confint(tight_svyglm(paste(y, "~ 1"), d), ddf = df)))
      if (!is_rep(d)) same(tight, exact, 1e-9, "tight logit interval and its formula")   # replicates: SE of the replicate logits, not delta
      ci <- tight
      emit(paste0(base, "/logit_delta"), "conf_low", "all", exact[1]); emit(paste0(base, "/logit_delta"), "conf_high", "all", exact[2])
    }
    if (method == "likelihood") {
      # deviance with weights scaled to mean 1 rises by t^2 * (design variance / naive variance)
      n <- nrow(d$variables); lambda <- (se / (p * (1 - p)))^2 * (n * p * (1 - p))
      rise <- function(q) 2 * n * (p * log(p / q) + (1 - p) * log((1 - p) / (1 - q))) - tq(df)^2 * lambda
      exact <- c(uniroot(rise, c(1e-12, p), tol = 1e-15)$root, uniroot(rise, c(p, 1 - 1e-12), tol = 1e-15)$root)
      same(ci, exact, 2e-3, "svyciprop likelihood and its equation")
      emit(paste0(base, "/likelihood_exact"), "conf_low", "all", exact[1]); emit(paste0(base, "/likelihood_exact"), "conf_high", "all", exact[2])
    }
    scenario <- paste0(base, "/", method)
    emit(scenario, "estimate", "all", p); emit(scenario, "se", "all", se)
    emit(scenario, "conf_low", "all", ci[1]); emit(scenario, "conf_high", "all", ci[2])
    emit(scenario, "df", "design", df)
  }
}
