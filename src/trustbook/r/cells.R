# @{title}
#
# @{evidence}
# The model of the page, fitted again with base R alone (no packages), from totals of cells: people (n), weighted people (sum_w), weighted
# people with the outcome (sum_wy), and the covariance matrix of these totals under the survey's design. Each cell holds at least
# ten people with the outcome and ten without. The score of the model is linear in the totals, so this is exact.
#
#   Rscript @{name}-cells.R        prints the lines of @{name}-expected.txt (the last digits may differ)
#
# Outcome: @{outcome}
# Variance: @{variance}

@{facts}

@{reading}
@{printing}
@{common}
@{fitting}
fit <- logit(model, cells)
report(fit$beta, fit$V, d, cells[names(levels_of)], cells$sum_w, sum(cells$n))

# ---- does it fit? -------------------------------------------------------------------------------------------------------
W <- cells$sum_w; mu <- fit$mu
groups_of <- function(what, name, group, axes) {
  A <- (outer(levels(group), as.character(group), "==") * 1); A <- A / drop(A %*% W)
  M <- drop(A %*% (cells$sum_wy - mu * W)); slope <- (A * rep(W * mu * (1 - mu), each = nrow(A))) %*% fit$x
  held <- cbind(-A * rep(mu, each = nrow(A)) - A * M, A); estimated <- held - slope %*% fit$linear
  null <- estimated + cbind(A * M, 0 * A)
  cov <- function(a) a %*% S %*% t(a)
  fit_of(what, name, axes, drop(A %*% cells$sum_wy), M, cov(held), cov(estimated), cov(null), d, tapply(cells$n, group, sum))
}
risk <- risk_groups(mu, W)
tests <- groups_of("risk", "of risk", risk, data.frame(risk = levels(risk)))
each <- factor(seq_len(nrow(cells)))
tests <- rbind(tests, groups_of("cells", paste("by", paste(names(levels_of), collapse = ", ")), each, lapply(cells[names(levels_of)], as.character)))
if (link_is_tested) {
  eta <- qlogis(mu); cells$eta <- eta - sum(W * eta) / sum(W); cells$eta_squared <- cells$eta^2
  link <- logit(~ eta + eta_squared, cells)
  tests <- rbind(tests, f_row("square of the linear predictor (link test)", "wald", link$beta[[3]]^2 / link$V[3, 3], 1, d - 2))
}
if (!is.null(tests)) table_of("goodness_of_fit", tests)
residual <- cbind(-diag(mu), diag(nrow(cells)))          # residual totals of the cells
sigma <- residual %*% S %*% t(residual); u <- fit$linear[, -seq_len(nrow(cells))]
share <- u * (u %*% sigma); share <- apply(share / rowSums(share), 1, max); names(share) <- spelt(names(fit$beta))
terms <- in_order(names(share)); table_of("influence", data.frame(term = terms, cell = share[terms]))
