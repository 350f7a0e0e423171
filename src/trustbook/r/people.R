# @{title}
#
# @{evidence}
# The model of the page, fitted again from the survey file with R and its package survey: recodes, design, model, tests.
#
#   Rscript @{name}-people.R FILE        prints the lines of @{name}-expected.txt (the last digits may differ)
#
# FILE is @{file}
# The file stays where it is: this script prints totals and coefficients, and no person.
#
# Outcome: @{outcome}
# Variance: @{variance}

suppressPackageStartupMessages(library(survey))
options(survey.lonely.psu = "@{lonely}")
file <- commandArgs(TRUE)
if (length(file) != 1 || !file.exists(file)) stop("Expected the path of the survey file. Give it: Rscript @{name}-people.R FILE")
raw <- read.csv(file, colClasses = "character", check.names = FALSE, na.strings = character(0))
raw[] <- lapply(raw, trimws)

@{facts}

# ---- recodes: the answer in the file = the value in the model; every other answer is missing --------------------------------
recode <- function(column, values) if (is.null(values)) raw[[column]] else unname(values[raw[[column]]])
any_of <- function(parts, positive) {                    # positive if one is; missing if none is and one is missing
  value <- parts[[1]]
  for (part in parts[-1]) {
    value[is.na(part) & !(value %in% positive)] <- NA
    value[part %in% positive] <- positive
  }
  value
}
people <- data.frame(row.names = seq_len(nrow(raw)))
@{recodes}
for (axis in names(levels_of)) people[[axis]] <- factor(people[[axis]], levels_of[[axis]])
people$y <- as.numeric(people$y)
@{design}
# The people of the page: those who answered and told all of these. The others stay in the design, as zeros.
used <- design[which(complete.cases(people[c("y", names(levels_of)@{known})])@{where}), ]
d <- degf(used); w <- unname(weights(used)); rows <- used$variables

@{printing}
@{common}
# ---- the fit: R stops early and its sandwich lags a step behind, so fit tightly, and again from the solution ---------------
logit <- function(formula) {
  arguments <- list(formula, design = used, family = quasibinomial(), control = glm.control(epsilon = 1e-14, maxit = 100))
  do.call(svyglm, c(arguments, list(start = unname(coef(do.call(svyglm, arguments))))))
}
fit <- logit(update(model, y ~ .))
report(coef(fit), vcov(fit), d, rows[names(levels_of)], w, nrow(rows))

# ---- does it fit? -------------------------------------------------------------------------------------------------------
mu <- unname(fitted(fit)); x <- model.matrix(fit); r <- rows$y - mu
psi <- (x * r) %*% solve(crossprod(x * sqrt(w * mu * (1 - mu))))            # what each person adds to the coefficients
cov <- function(z) vcov(svytotal(z, used))
groups_of <- function(what, name, group, axes) {
  used$variables <- cbind(rows, .r = r, .group = group)
  means <- svyby(~.r, ~.group, used, svymean, covmat = TRUE)
  G <- outer(as.character(group), levels(group), "==") * 1; total <- colSums(w * G); M <- unname(coef(means))
  slope <- crossprod(G * w * mu * (1 - mu), x) / total
  null <- sweep(G * r, 2, total, "/") - psi %*% t(slope)
  estimated <- null - sweep(G, 2, M / total, "*")
  fit_of(what, name, axes, colSums(w * G * rows$y) / total, M, vcov(means), cov(estimated), cov(null), d, colSums(G))
}
risk <- risk_groups(mu, w)
tests <- groups_of("risk", "of risk", risk, data.frame(risk = levels(risk)))
each <- interaction(rows[names(levels_of)], drop = TRUE, lex.order = TRUE, sep = "\r")
axes <- as.data.frame(do.call(rbind, strsplit(levels(each), "\r", fixed = TRUE))); names(axes) <- names(levels_of)
tests <- rbind(tests, groups_of("cells", paste("by", paste(names(levels_of), collapse = ", ")), each, axes))
if (link_is_tested) {
  eta <- qlogis(mu); used$variables <- cbind(rows, eta = eta, eta_squared = (eta - sum(w * eta) / sum(w))^2)
  link <- logit(y ~ eta + eta_squared)
  tests <- rbind(tests, f_row("square of the linear predictor (link test)", "wald", (coef(link) / SE(link))[[3]]^2, 1, link$df.residual))
}
if (!is.null(tests)) table_of("goodness_of_fit", tests)
Z <- outer(as.character(each), levels(each), "==") * 1
share <- vapply(seq_len(ncol(psi)), function(k) { V <- cov(cbind(Z * psi[, k], psi[, k])); max(V[-nrow(V), nrow(V)] / V[nrow(V), nrow(V)]) }, 0)
names(share) <- spelt(names(coef(fit)))
terms <- in_order(names(share)); table_of("influence", data.frame(term = terms, cell = share[terms]))
