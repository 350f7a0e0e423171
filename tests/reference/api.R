# R survey's `api` samples: the cases of numbers.md 1, 2.1, 2.3, 2.4 and of api_goldens.json, tightly fitted.
# Cross-checked against those printed numbers: a disagreement is a message, not an error.
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])), "common.R"))
prepare <- function(name) {
  d <- read.csv(data_file("r_survey", paste0(name, ".csv")))
  d$above743 <- as.numeric(d$api00 > 743); d$above600 <- as.numeric(d$api00 > 600); d$schoolwide <- as.numeric(d$sch.wide == "Yes")
  d$stype <- factor(d$stype, levels = c("E", "H", "M"))
  d
}
strat <- prepare("apistrat"); clus1 <- prepare("apiclus1"); srs <- prepare("apisrs")
designs <- list(
  `apistrat/weights` = svydesign(ids = ~1, weights = ~pw, data = strat),
  `apistrat/psu` = svydesign(ids = ~dnum, weights = ~pw, data = strat),
  `apistrat/strata` = svydesign(ids = ~1, strata = ~stype, weights = ~pw, data = strat),
  `apistrat/strata+psu` = svydesign(ids = ~dnum, strata = ~stype, nest = TRUE, weights = ~pw, data = strat),
  `apistrat/strata+fpc` = svydesign(ids = ~1, strata = ~stype, weights = ~pw, fpc = ~fpc, data = strat),
  `apiclus1/psu` = svydesign(ids = ~dnum, weights = ~pw, data = clus1),
  `apiclus1/psu+fpc` = svydesign(ids = ~dnum, weights = ~pw, fpc = ~fpc, data = clus1),
  `apisrs/weights+fpc` = svydesign(ids = ~1, weights = ~pw, fpc = ~fpc, data = srs))
joint <- function(rhs) gsub(" ", "", rhs)
logit <- function(design, y, rhs, terms = rhs, variant = NULL, keep = NULL) {
  d <- designs[[design]]
  if (!is.null(keep)) d <- domain(d, keep)
  fit <- tight_svyglm(paste(y, "~", rhs), d)
  scenario <- paste0(paste("api", design, y, "logit", rhs, sep = "/"), if (length(variant)) paste0("/domain:", variant))
  emit_logit(scenario, fit)
  for (term in terms) {
    test <- regTermTest(fit, as.formula(paste("~", term)))
    for (q in list(c("statistic", "Ftest"), c("df_num", "df"), c("df_den", "ddf"), c("p_value", "p"))) emit(scenario, q[1], joint(term), test[[q[2]]])
  }
  invisible(fit)
}

# ---- 2.1 ------------------------------------------------------------------------------------------------------------------
rhs <- "ell + meals + mobility"
beta <- c(2.66575599278362, -0.03703249576700, -0.08468787757247, -0.00442859225861)
se <- list(weights = c(0.4718196688815, 0.0336366431167, 0.0146021693674, 0.0147882129185), psu = c(0.4949505366073, 0.0318263271683, 0.0143857416874, 0.0153725477059),
  strata = c(0.4394318774792, 0.0336398300623, 0.0143310610689, 0.0148363068282), `strata+psu` = c(0.4723878944699, 0.0324219677485, 0.0142841040197, 0.0154627861042))
dfs <- c(weights = 196, psu = 131, strata = 194, `strata+psu` = 156)
joint_f <- c(weights = 17.90289, psu = 18.2147)
for (k in names(se)) {
  fit <- logit(paste0("apistrat/", k), "above743", rhs)
  printed_rtol(coef(fit), beta, paste("2.1 coef", k)); printed_rtol(SE(fit), se[[k]], paste("2.1 SE", k))
  if (fit$df.residual != dfs[[k]]) message("DISAGREES with the printed number: 2.1 df ", k, " ", fit$df.residual)
  if (k %in% names(joint_f)) printed_rtol(regTermTest(fit, ~ell + meals + mobility)$Ftest, joint_f[[k]], paste("2.1 F", k), 3e-4)   # printed with R's stale weights
  if (k == "weights") printed_rtol(confint(fit), c(1.735260974591, -0.103368706216, -0.113485417708, -0.033593036550, 3.5962510109757, 0.0293037146817, -0.0558903374373, 0.0247358520327), "2.1 CI", 3e-4)
}
logit("apistrat/strata+fpc", "above743", rhs)
for (k in c("strata+psu", "weights", "strata")) {
  fit <- logit(paste0("apistrat/", k), "above743", rhs, variant = "meals>50", keep = strat$meals > 50)
  if (k == "strata+psu") {
    printed_rtol(coef(fit), c(12.39031117649, -0.07133534124, -0.27345174707, 0.08072406168), "2.1 domain coef")
    printed_rtol(SE(fit), c(4.98340134438, 0.06945592597, 0.08200317468, 0.04786349761), "2.1 domain SE", 2e-4)
    if (fit$df.residual != 56) message("DISAGREES with the printed number: 2.1 domain df ", fit$df.residual)
  }
}

# ---- 2.3 and api_goldens.json ---------------------------------------------------------------------------------------------
fit <- logit("apiclus1/psu+fpc", "schoolwide", "ell + meals")
printed(c(coef(fit), SE(fit)), c("1.899557", "0.039925", "-0.019115", "0.509915", "0.012443", "0.008825"), "2.3", slack = 2)
printed(2 * pt(-abs(coef(fit) / SE(fit)), fit$df.residual), c(".00290", ".00751", ".05117"), "2.3 p", slack = 2)
logit("apiclus1/psu", "schoolwide", "ell + meals")
goldens <- list(
  `apistrat/strata+fpc` = list(c(0.83583652505, -0.0024896357495, -0.0031523651115, 0.060896778707), c(0.45562609559, 0.013252498611, 0.0091994837177, 0.031935421453), 194),
  `apistrat/strata` = list(c(0.83583652505, -0.0024896357495, -0.0031523651115, 0.060896778707), c(0.46606830648, 0.013466933706, 0.0093866825421, 0.032779893674), 194),
  `apiclus1/psu+fpc` = list(c(1.7261001737, 0.040094801763, -0.020788310851, 0.014580365535), c(0.70113485988, 0.012573071574, 0.0092107549022, 0.025829979908), 11))
for (k in c(names(goldens), "apiclus1/psu", "apistrat/weights", "apistrat/psu", "apistrat/strata+psu", "apisrs/weights+fpc")) {
  fit <- logit(k, "schoolwide", rhs)
  g <- goldens[[k]]
  if (length(g)) { printed_rtol(coef(fit), g[[1]], paste("goldens coef", k)); printed_rtol(SE(fit), g[[2]], paste("goldens SE", k)); if (fit$df.residual != g[[3]]) message("DISAGREES: goldens df ", k) }
}
same(sqrt(diag(vcov(tight_svyglm("schoolwide ~ ell + meals + mobility", designs[["apistrat/weights"]])))), c(.467085, .013414, .009411, .032699), 1e-4, "2.5")

# ---- 2.4 predictive margins and average marginal effects: the printed ones are of the design with WEIGHTS ONLY ----------------
ame <- function(fit, variables) {
  d <- fit$survey.design; w <- row_weights(d); w <- w / sum(w); b <- coef(fit)
  slope <- function(v, b) {                                                     # model matrix is linear in v here
    rows <- d$variables; tt <- delete.response(terms(fit)); X <- model.matrix(tt, rows)
    rows[[v]] <- rows[[v]] + 1; D <- model.matrix(tt, rows) - X
    p <- plogis(drop(X %*% b)); e <- drop(D %*% b)
    list(value = sum(w * p * (1 - p) * e), J = colSums(w * p * (1 - p) * (D + (1 - 2 * p) * e * X)))
  }
  s <- lapply(variables, slope, b = b)
  J <- do.call(rbind, lapply(s, `[[`, "J"))
  list(name = variables, p = vapply(s, `[[`, 0, "value"), se = sqrt(diag(J %*% vcov(fit) %*% t(J))))
}
emit_ame <- function(scenario, a) { emit(scenario, "estimate", a$name, a$p); emit(scenario, "se", a$name, a$se) }
margins24 <- list(`ell + meals + mobility` = list(c(0.9698889120, 0.7722732242, 0.2655410705), c(0.0158168043, 0.0400183429, 0.0813343039), c(-0.0009982936, -0.0080360454, 0.0007552178), c(0.0016047333, 0.0010179779, 0.0019007082)),
  `ell * meals` = list(c(.9621412052, .7593207994, .2591576034), c(.0305195844, .0513012146, .0813251070), c(-0.0014277197, -0.0077599270), c(0.0017420001, 0.0011161544)))
for (k in c("weights", "psu", "strata", "strata+psu", "strata+fpc")) for (rhs24 in names(margins24)) {
  terms <- if (rhs24 == "ell * meals") "ell:meals" else rhs24
  fit <- logit(paste0("apistrat/", k), "above600", rhs24, terms)
  pr <- predictions(fit, data.frame(meals = c(20, 50, 80)))
  emit_predictions(paste0("api/apistrat/", k, "/above600/predictions/", rhs24), pr, degf(fit$survey.design))
  effects <- ame(fit, intersect(c("ell", "meals", "mobility"), names(coef(fit))))
  emit_ame(paste0("api/apistrat/", k, "/above600/ame/", rhs24), effects)
  if (k == "weights") {
    m <- margins24[[rhs24]]
    printed_rtol(pr$p, m[[1]], "2.4 margins"); printed_rtol(pr$se, m[[2]], "2.4 margins SE"); printed_rtol(effects$p, m[[3]], "2.4 AME"); printed_rtol(effects$se, m[[4]], "2.4 AME SE")
  }
}
# The printed domain effects are of ell + meals (no mobility), stratified.
for (k in c("strata", "weights")) for (rhs24 in c("ell + meals", rhs)) {
  fit <- logit(paste0("apistrat/", k), "above600", rhs24, variant = "awards=Yes", keep = strat$awards == "Yes")
  pr <- predictions(fit, data.frame(meals = c(20, 50, 80)))
  emit_predictions(paste0("api/apistrat/", k, "/above600/predictions/", rhs24, "/domain:awards=Yes"), pr, degf(fit$survey.design))
  effects <- ame(fit, setdiff(names(coef(fit)), "(Intercept)"))
  emit_ame(paste0("api/apistrat/", k, "/above600/ame/", rhs24, "/domain:awards=Yes"), effects)
  if (k == "strata" && rhs24 == "ell + meals") { printed_rtol(effects$p, c(-0.0002686150, -0.0085233748), "2.4 domain AME"); printed_rtol(effects$se, c(0.0016696858, 0.0014792988), "2.4 domain AME SE") }
}

# ---- 1 means, and proportions by school type --------------------------------------------------------------------------------
for (k in names(designs)) {
  emit_levels(paste0("api/", k, "/api00/mean/all"), cell_cov(designs[[k]], "api00"))
  emit_levels(paste0("api/", k, "/above600/levels/all"), cell_cov(designs[[k]], "above600"))
  emit_levels(paste0("api/", k, "/above600/levels/stype"), cell_cov(designs[[k]], "above600", "stype"))
  emit_ciprop(paste0("api/", k, "/above600/ciprop"), designs[[k]], "above600", c("logit", "likelihood", "beta", "mean", "asin"))
}
printed(c(cell_cov(designs[["apistrat/strata+fpc"]], "api00")[c("p", "se")], recursive = TRUE), c("662.29", "9.4089"), "1.1")
printed(c(cell_cov(designs[["apiclus1/psu+fpc"]], "api00")[c("p", "se")], recursive = TRUE), c("644.17", "23.542"), "1.3")
# an extreme proportion: no English learners (numbers.md, proportion intervals)
designs[["apiclus1/psu+fpc"]]$variables$no_ell <- as.numeric(clus1$ell == 0); designs[["apiclus1/psu"]]$variables$no_ell <- as.numeric(clus1$ell == 0)
for (k in c("apiclus1/psu+fpc", "apiclus1/psu")) emit_ciprop(paste0("api/", k, "/no_ell/ciprop"), designs[[k]], "no_ell", c("logit", "beta", "mean"))
write_rows("api.csv")
