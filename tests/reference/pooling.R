# Random-effects pooling (metafor): the BCG trials, made-up estimates of 3, 5 and 10 countries, and correlated ones.
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])), "common.R"))
suppressPackageStartupMessages(library(metafor))
if (packageVersion("metafor") != "3.8.1") message("made with metafor 3.8-1; this is ", packageVersion("metafor"))
data(dat.bcg, package = "metadat")
bcg <- escalc(measure = "RR", ai = tpos, bi = tneg, ci = cpos, di = cneg, data = dat.bcg)
set.seed(20261121)
made_up <- function(k, spread) { vi <- runif(k, 0.0002, 0.002); data.frame(yi = 0.06 + rnorm(k, 0, sqrt(vi + spread^2)), vi = vi) }
cases <- list(bcg = as.data.frame(bcg)[c("yi", "vi")], k3 = made_up(3, 0.04), k5 = made_up(5, 0.05), k10 = made_up(10, 0.05), agreeing5 = data.frame(yi = c(0.051, 0.049, 0.052, 0.047, 0.055), vi = c(0.0004, 0.0009, 0.0002, 0.0011, 0.0006)))
tight <- list(threshold = 1e-14, maxiter = 10000)
as_written <- function(d) { d$yi <- as.numeric(sprintf("%.15g", d$yi)); d$vi <- as.numeric(sprintf("%.15g", sqrt(d$vi)))^2; d }
tests <- c(z = "wald", knha = "hksj", adhoc = "hksj_adhoc")
for (case in names(cases)) {
  d <- cases[[case]]
  # metafor reads what the CSV will hold, so that both programs start from the same digits
  d <- as_written(d); countries <- sprintf("c%02d", seq_len(nrow(d)))
  emit(paste0("pooling/", case, "/data"), "estimate", countries, d$yi); emit(paste0("pooling/", case, "/data"), "se", countries, sqrt(d$vi))
  for (method in c("FE", "DL", "PM", "REML")) for (test in names(tests)) {
    fit <- suppressWarnings(rma(yi, vi, data = d, method = method, test = test, control = if (method == "REML") tight else if (method == "PM") list(tol = 1e-15, maxiter = 10000) else list()))
    scenario <- paste("pooling", case, c(FE = "fixed", DL = "dl", PM = "pm", REML = "reml")[[method]], tests[[test]], sep = "/")
    emit(scenario, "estimate", "mean", fit$beta); emit(scenario, "se", "mean", fit$se)
    emit(scenario, "conf_low", "mean", fit$ci.lb); emit(scenario, "conf_high", "mean", fit$ci.ub)
    emit(scenario, "p_value", "mean", fit$pval)
    emit(scenario, "estimate", c("tau2", "i2"), c(fit$tau2, fit$I2 / 100)); emit(scenario, "statistic", "q", fit$QE); emit(scenario, "p_value", "q", fit$QEp)
    if (method != "FE") { pr <- predict(fit); emit(scenario, "conf_low", "prediction", pr$pi.lb); emit(scenario, "conf_high", "prediction", pr$pi.ub) }
    # second derivation: the moment or likelihood equation, and the interval from its definition
    if (method == "PM" && fit$tau2 > 0) { w <- 1 / (d$vi + fit$tau2); same(sum(w * (d$yi - sum(w * d$yi) / sum(w))^2), nrow(d) - 1, 1e-9, paste(scenario, "equation")) }
    if (method == "REML" && fit$tau2 > 0) { w <- 1 / (d$vi + fit$tau2); r <- d$yi - sum(w * d$yi) / sum(w); same(sum(w^2 * r^2), sum(w) - sum(w^2) / sum(w), 1e-9, paste(scenario, "equation")) }
  }
}
printed_bcg <- rma(yi, vi, data = bcg, method = "REML"); printed(c(printed_bcg$tau2, printed_bcg$beta), c("0.313243326", "-0.714532348"), "4.2")

# Correlated estimates (as from one model with common slopes): rma.mv with their whole covariance.
correlation <- matrix(0.3, 5, 5); diag(correlation) <- 1; correlation[1, 2] <- correlation[2, 1] <- 0.6
d <- as_written(cases$k5)
V <- correlation * sqrt(outer(d$vi, d$vi)); country <- factor(seq_len(5))
start <- rma.mv(d$yi, V, random = ~ 1 | country, method = "REML")  # its optimiser stops early: the equation is solved from there
equation <- function(tau2) { w <- solve(V + diag(tau2, 5)); p <- w - tcrossprod(rowSums(w)) / sum(w); sum((p %*% d$yi)^2) - sum(diag(p)) }
tau2 <- uniroot(equation, start$sigma2 * c(0.99, 1.01), tol = 1e-18)$root
same(tau2, start$sigma2, 1e-4, "rma.mv and the REML equation")
fit <- rma.mv(d$yi, V, random = ~ 1 | country, sigma2 = tau2)
emit("pooling/correlated5/reml/wald", "estimate", "mean", fit$beta); emit("pooling/correlated5/reml/wald", "se", "mean", fit$se)
emit("pooling/correlated5/reml/wald", "estimate", "tau2", fit$sigma2); emit("pooling/correlated5/reml/wald", "statistic", "q", fit$QE)
emit("pooling/correlated5/reml/wald", "p_value", "q", fit$QEp)
write_rows("pooling.csv")
