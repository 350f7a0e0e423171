# ---- the fit: weighted maximum likelihood on cells, and the sandwich ----------------------------------------------------
logit <- function(formula, cells) {
  both <- rbind(cbind(cells, y = 1, w = cells$sum_wy), cbind(cells, y = 0, w = cells$sum_w - cells$sum_wy))
  both$w <- both$w / mean(both$w)
  fit <- glm(update(formula, y ~ .), quasibinomial(), both, weights = w, control = list(epsilon = 1e-14, maxit = 100))
  x <- model.matrix(formula, cells); mu <- plogis(drop(x %*% coef(fit)))
  linear <- solve(crossprod(x * sqrt(cells$sum_w * mu * (1 - mu))), cbind(-t(x * mu), t(x)))   # derivative by the totals
  list(beta = coef(fit), x = x, mu = mu, linear = linear, V = linear %*% S %*% t(linear))
}
