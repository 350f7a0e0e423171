# ---- what a dossier reports: the same lines in both of its scripts ---------------------------------------------------------
# Groups of about equal weight by predicted risk, from low to high; equal risks stay together.
risk_groups <- function(mu, w, groups = 10) {
  level <- factor(sprintf("%.9f", mu)); share <- tapply(w, level, sum) / sum(w)
  group <- floor(groups * (cumsum(share) - share) + 1e-9)
  factor(sprintf("%02d", match(group, unique(group))[level]))
}

# What follows from coefficients, their covariance and the mix of people: rows with their weights.
report <- function(beta, V, d, rows, weight, people) {
  names(beta) <- spelt(names(beta)); dimnames(V) <- list(names(beta), names(beta))
  terms <- in_order(names(beta)); beta <- beta[terms]; V <- V[terms, terms]; k <- length(beta); df <- d - (k - 1)
  table_of("model", data.frame(people = people, design_df = d, coefficients = k))
  se <- sqrt(diag(V)); half <- qt(0.975, df) * se
  table_of("coefficients", data.frame(term = terms, estimate = beta, std_error = se, conf_low = beta - half, conf_high = beta + half, p_value = two_sided(beta / se, df)))
  table_of("odds_ratios", data.frame(term = terms, estimate = exp(beta), std_error = exp(beta) * se, conf_low = exp(beta - half), conf_high = exp(beta + half)))
  if (length(tested_in(terms))) table_of("joint_tests", do.call(rbind, lapply(tested_in(terms), function(name) {
    b <- beta[joint[[name]]]; q <- length(b); wald <- sum(b * solve(V[joint[[name]], joint[[name]]], b))
    rbind(f_row(name, "wald", wald / q, q, df), f_row(name, "adjusted", wald * (d - q + 1) / (d * q), q, d - q + 1))
  })))
  found <- unique(rows[identities]); found <- found[do.call(order, lapply(found, as.integer)), , drop = FALSE]
  p <- numeric(nrow(found)); J <- matrix(0, nrow(found), k)
  for (i in seq_len(nrow(found))) {
    set <- rows
    for (axis in identities) set[[axis]] <- factor(found[[axis]][i], levels_of[[axis]])
    x <- model.matrix(model, set); colnames(x) <- spelt(colnames(x)); x <- x[, terms]
    mu <- plogis(drop(x %*% beta))
    p[i] <- sum(weight * mu) / sum(weight); J[i, ] <- colSums(weight * mu * (1 - mu) * x) / sum(weight)
  }
  C <- J %*% V %*% t(J); se <- sqrt(diag(C)); half <- qt(0.975, d) * se / (p * (1 - p)); named <- lapply(found, as.character)
  table_of("predictions", data.frame(named, estimate = p, std_error = se, conf_low = plogis(qlogis(p) - half), conf_high = plogis(qlogis(p) + half)))
  at <- -1; gap <- p[at] - p[1]; se <- sqrt(diag(C)[at] + C[1, 1] - 2 * C[at, 1]); half <- qt(0.975, d) * se
  table_of("gaps", data.frame(lapply(named, `[`, at), estimate = gap, std_error = se, conf_low = gap - half, conf_high = gap + half, p_value = two_sided(gap / se, d)))
}

# Mean residuals M of groups with three covariances: residuals as data, coefficients estimated, and that where M is zero.
fit_of <- function(what, name, axes, observed, M, held, estimated, null, d, n) {
  size <- sqrt(diag(held)); exact <- diag(estimated) <= 1e-8 * size^2; g <- length(M)
  M0 <- ifelse(exact, 0, M); se <- ifelse(exact, 0, sqrt(pmax(diag(estimated), 0)))
  table_of(paste0("calibration_", what), data.frame(axes, weighted = observed, predicted = observed - M0, estimate = M0, std_error = se, n = n))
  e <- eigen(null / outer(size, size), symmetric = TRUE); kept <- e$values > 1e-8; r <- sum(kept)
  if (r == 0) return(NULL)                               # the model fits these groups whatever the data
  sharp <- sum(crossprod(e$vectors[, kept, drop = FALSE], M / size)^2 / e$values[kept])
  rbind(f_row(paste0(g, " groups ", name, ", coefficients held"), "adjusted", sum(M * solve(held, M)) * (d - g + 2) / (d * g), g - 1, d - g + 2),
        f_row(paste0(g, " groups ", name, ", coefficients estimated"), "adjusted", sharp * (d - r + 1) / (d * r), r, d - r + 1))
}
