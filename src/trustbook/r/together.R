# @{title}
#
# @{evidence}
# The numbers of the page, computed again with base R alone (no packages), from totals of cells: people (n), weighted people (sum_w),
# sums of squared weights (sum_w2), weighted people with the outcome (sum_wy), and the covariance matrix of these totals under the
# survey's design. Standard errors are by Taylor linearisation; those by replicate weights need the survey file.
#
#   Rscript @{name}-cells.R        prints the lines of @{name}-expected.txt (the last digits may differ)
#
# Outcome: @{outcome}
# Variance: @{variance}

@{facts}

@{reading}
@{printing}
# ---- shares, what is added or subtracted of them, and their intervals -----------------------------------------------------
W <- cells$sum_w
with_intervals <- function(p, V) {                       # on the scale of the logit
  se <- sqrt(pmax(diag(V), 0)); half <- qt(0.975, d) * se / (p * (1 - p))
  data.frame(estimate = p, std_error = se, conf_low = plogis(qlogis(p) - half), conf_high = plogis(qlogis(p) + half))
}
tested <- function(value, se, log = FALSE) {             # an estimate, or the logarithm of one, against no difference
  log <- rep_len(log, length(value)); half <- qt(0.975, d) * se; back <- function(x) ifelse(log, exp(x), x)
  data.frame(estimate = back(value), std_error = ifelse(log, exp(value), 1) * se, conf_low = back(value - half), conf_high = back(value + half), p_value = two_sided(value / se, d))
}
mover <- function(sign, value, low, high, V) {           # limits of a signed sum of parts, from the limits of each (Zou 2008)
  se <- sqrt(diag(V)); scale <- outer(se, se); correlation <- ifelse(scale > 0, V / scale, diag(length(se)))
  long <- function(x) sqrt(max(sum(x * (correlation %*% x)), 0))
  below <- value - ifelse(sign > 0, low, high); above <- ifelse(sign > 0, high, low) - value
  sum(sign * value) + c(-long(below), long(above))
}

# ---- the groups: all identities at once, the reference first ----------------------------------------------------------------
groups <- unique(cells[identities]); groups <- groups[do.call(order, lapply(groups, as.integer)), , drop = FALSE]
key <- function(rows) do.call(paste, c(lapply(rows[identities], as.character), sep = "\r"))
member <- outer(key(groups), key(cells), "==") * 1
named <- lapply(groups, as.character)
others <- data.frame(lapply(named, `[`, -1))
# The rows of both identities of the pair, the first only, the second only, neither; a third identity is held.
corners <- list()
for (row in seq_len(nrow(groups))) {
  first <- vapply(pair, function(axis) levels(droplevels(groups[[axis]]))[1], "")
  if (any(unlist(groups[row, pair, drop = FALSE]) == first)) next
  turned <- function(off) { set <- groups[row, , drop = FALSE]; for (axis in off) set[[axis]] <- factor(first[[axis]], levels_of[[axis]]); match(key(set), key(groups)) }
  rows <- c(row, turned(pair[2]), turned(pair[1]), turned(pair))
  if (!anyNA(rows)) corners[[length(corners) + 1]] <- rows
}

# ---- measures of interaction of four shares, with their derivatives; S and the ratios are logarithms -----------------------
sign <- c(1, -1, -1, 1)
on_scale <- function(p, odds) if (odds) list(value = qlogis(p), slope = 1 / (p * (1 - p))) else list(value = log(p), slope = 1 / p)
of_ratios <- function(p, odds) {
  on <- on_scale(p, odds); r <- exp(on$value - on$value[4])
  G <- diag(r * on$slope); G[, 4] <- G[, 4] - r * on$slope[4]
  reri <- c(sum(sign * r), sign %*% G); together <- r[1] - 1; apart <- r[2] + r[3] - 2; s <- together / apart
  list(reri = reri, ap = c(reri[1] / r[1], reri[-1] / r[1] - reri[1] * G[1, ] / r[1]^2),
       s = c(if (s > 0) log(s) else NaN, G[1, ] / together - (G[2, ] + G[3, ]) / apart), ratio = c(sum(sign * on$value), sign * on$slope))
}
measures <- function(p) {
  risk <- of_ratios(p, FALSE); odds <- of_ratios(p, TRUE)
  list(interaction_contrast = c(sum(sign * p), sign), reri_rr = risk$reri, ap = risk$ap, synergy = risk$s, ratio_of_rr = risk$ratio,
       reri_or = odds$reri, ap_or = odds$ap, synergy_or = odds$s, ratio_of_or = odds$ratio)
}
is_log <- function(name) name %in% c("synergy", "ratio_of_rr", "synergy_or", "ratio_of_or")
interaction_of <- function(table, p, V) {                # by the delta method; what is not defined is left out
  rows <- do.call(rbind, lapply(corners, function(at) {
    each <- measures(p[at]); value <- vapply(each, `[`, 0, 1); slope <- t(vapply(each, `[`, numeric(4), 2:5))
    se <- sqrt(pmax(diag(slope %*% V[at, at] %*% t(slope)), 0))
    data.frame(lapply(named, `[`, at[1]), measure = names(each), tested(value, se, is_log(names(each))))
  }))
  table_of(table, rows[is.finite(rows$estimate), ])
}
mover_of <- function(table, p, V) {                      # limits of the additive measures from those of their parts
  level <- with_intervals(p, V)
  table_of(table, do.call(rbind, lapply(corners, function(at) {
    ratios <- function(odds, base) {
      on <- on_scale(p[at], odds); turn <- diag(4)[-base, ]; turn[, base] <- -1; J <- turn * rep(on$slope, each = 3)
      C <- J %*% V[at, at] %*% t(J); value <- drop(turn %*% on$value); half <- qt(0.975, d) * sqrt(diag(C))
      mover(sign[-base], exp(value), exp(value - half), exp(value + half), C) + sign[base]
    }
    ends <- rbind(interaction_contrast = mover(sign, p[at], level$conf_low[at], level$conf_high[at], V[at, at]), reri_rr = ratios(FALSE, 4), ap = ratios(FALSE, 1), reri_or = ratios(TRUE, 4), ap_or = ratios(TRUE, 1))
    values <- vapply(measures(p[at])[rownames(ends)], `[`, 0, 1)
    data.frame(lapply(named, `[`, at[1]), measure = rownames(ends), estimate = values, conf_low = ends[, 1], conf_high = ends[, 2])
  })))
}
gaps_of <- function(p, V) {                              # each group against the first
  K <- cbind(-1, diag(length(p) - 1)); data.frame(others, tested(drop(K %*% p), sqrt(pmax(diag(K %*% V %*% t(K)), 0))))
}

# ---- as answered --------------------------------------------------------------------------------------------------------
table_of("people", data.frame(people = sum(cells$n), design_df = d))
total <- drop(member %*% W); p <- drop(member %*% cells$sum_wy) / total
slope <- cbind(-member * p / total, member / total); V <- slope %*% S %*% t(slope)
table_of("levels", data.frame(named, with_intervals(p, V), n = drop(member %*% cells$n)))

@{fitting}
fit <- logit(model, cells)
names(fit$beta) <- spelt(names(fit$beta)); dimnames(fit$V) <- list(names(fit$beta), names(fit$beta))
terms <- in_order(names(fit$beta)); beta <- fit$beta[terms]; B <- fit$V[terms, terms]; df <- d - (length(beta) - 1)
se <- sqrt(diag(B)); half <- qt(0.975, df) * se
table_of("odds_ratios", data.frame(term = terms, estimate = exp(beta), std_error = exp(beta) * se, conf_low = exp(beta - half), conf_high = exp(beta + half), p_value = two_sided(beta / se, df)))
for (name in tested_in(terms)) {
  b <- beta[joint[[name]]]; q <- length(b); wald <- sum(b * solve(B[joint[[name]], joint[[name]]], b))
  table_of("interaction_test", rbind(f_row(name, "wald", wald / q, q, df), f_row(name, "adjusted", wald * (d - q + 1) / (d * q), q, d - q + 1)))
}
# What the model predicts: everyone is given the identities of one group, and keeps the rest.
made <- lapply(seq_len(nrow(groups)), function(i) {
  set <- cells; for (axis in identities) set[[axis]] <- factor(groups[[axis]][i], levels_of[[axis]])
  x <- model.matrix(model, set); mu <- plogis(drop(x %*% fit$beta)); c(sum(W * mu), colSums(W * mu * (1 - mu) * x)) / sum(W)
})
made <- do.call(rbind, made); predicted <- made[, 1]; C <- made[, -1] %*% fit$linear %*% S %*% t(made[, -1] %*% fit$linear)
table_of("predictions", data.frame(named, with_intervals(predicted, C)))
table_of("gaps", gaps_of(predicted, C))
interaction_of("interaction", predicted, C)
mover_of("interaction_mover", predicted, C)

# ---- plus four: two people of each answer added to each group, as answered and without a model -----------------------------
worth <- total^2 / drop(member %*% cells$sum_w2) + 4; four <- p + (2 - 4 * p) / worth
before <- pmax(diag(V), 0); after <- pmax(before, four * (1 - four) / worth); stretch <- ifelse(before > 0, sqrt(after / before), 0)
V4 <- V * outer(stretch, stretch); diag(V4) <- after
level <- with_intervals(four, V4); gaps <- gaps_of(four, V4); K <- cbind(1, -1)
ends <- t(vapply(seq_along(four)[-1], function(i) { at <- c(i, 1); mover(c(1, -1), four[at], level$conf_low[at], level$conf_high[at], V4[at, at]) }, numeric(2)))
table_of("gaps_plus_four", data.frame(others, estimate = gaps$estimate, std_error = gaps$std_error, conf_low = ends[, 1], conf_high = ends[, 2]))
interaction_of("interaction_plus_four", four, V4)
