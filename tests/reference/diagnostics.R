# Diagnostics of survey-weighted logits: calibration, Archer-Lemeshow F-adjusted mean residual test, link test, joint tests, shares of one cell and one PSU.
# HINTS 6 (people who told sex, ethnicity, disability and age: the base of the committed cells), and the made-up rows of replicates.R. Only aggregates are written.
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])), "common.R"))

# Groups of about equal weight by predicted risk; people of equal risk stay together. Stata's xtile with weights, ties at its cut points apart.
risk_groups <- function(mu, w, groups = 10) {
  level <- factor(sprintf("%.9f", mu)); share <- tapply(w, level, sum) / sum(w)
  group <- floor(groups * (cumsum(share) - share) + 1e-9)
  factor(sprintf("%02d", match(group, unique(group))[level]))
}
emit_test <- function(scenario, name, statistic, df_num, df_den) {
  emit(scenario, "statistic", name, statistic); emit(scenario, "df_num", name, df_num); emit(scenario, "df_den", name, df_den)
  emit(scenario, "p_value", name, pf(statistic, df_num, df_den, lower.tail = FALSE))
}
general <- function(M, V, size) {                                          # quadratic form in the general inverse, and the rank
  e <- eigen(V / outer(size, size), symmetric = TRUE); kept <- e$values > 1e-8
  c(sum(crossprod(e$vectors[, kept, drop = FALSE], M / size)^2 / e$values[kept]), sum(kept))
}

diagnose <- function(scenario, y, formula, design, axes) {
  full <- complete(design, c(y, axes)); v <- full$variables; w <- row_weights(full)
  fit <- tight_svyglm(paste(y, "~", formula), full)
  mu <- unname(fitted(fit)); X <- model.matrix(fit); r <- v[[y]] - mu; d <- degf(full)
  inverse <- solve(crossprod(X * sqrt(w * mu * (1 - mu))))
  psi <- X %*% inverse * r                                                 # derivative of the coefficients by each weight
  same(vcov(fit), vcov(svytotal(psi, full)), 1e-7, "vcov and the linearised coefficients")
  full$variables <- cbind(v, .r = r, .cell = interaction(v[axes], drop = TRUE, lex.order = TRUE), .risk = risk_groups(mu, w), .y = v[[y]])
  for (by in c(".cell", ".risk")) {
    place <- paste0(scenario, "/", c(.cell = "cells", .risk = "risk")[[by]])
    g <- full$variables[[by]]
    m <- svyby(~.r, as.formula(paste0("~", by)), full, svymean, covmat = TRUE)
    name <- as.character(m[[by]]); M <- unname(coef(m)); G <- outer(as.character(g), name, "==") * 1; W <- colSums(w * G)
    same(M, colSums(w * G * r) / W, 1e-6, "mean residuals")
    slope <- crossprod(G * w * mu * (1 - mu), X) / W                       # d(mean prediction) / d(coefficients)
    null <- vcov(svytotal(sweep(G, 2, W, "/") * r - psi %*% t(slope), full))
    estimated <- vcov(svytotal(sweep(G * r - sweep(G, 2, M, "*"), 2, W, "/") - psi %*% t(slope), full))
    size <- sqrt(diag(vcov(m)))
    exact <- diag(estimated) <= 1e-8 * size^2
    emit(place, "n", name, colSums(G))
    emit(place, "estimate", name, ifelse(exact, 0, M)); emit(place, "se", name, ifelse(exact, 0, sqrt(pmax(diag(estimated), 0))))
    observed <- svyby(~.y, as.formula(paste0("~", by)), full, svymean)
    emit(place, "coef", name, observed$.y[match(name, observed[[by]])])    # the share observed
    q <- general(M, null, size); k <- length(M)
    if (q[2] == 0) next                                                    # the model fits these groups whatever the data
    emit_test(place, "held", drop(M %*% solve(vcov(m), M)) * (d - k + 2) / (d * k), k - 1, d - k + 2)
    emit_test(place, "estimated", q[1] * (d - q[2] + 1) / (d * q[2]), q[2], d - q[2] + 1)
  }
  eta <- qlogis(mu); full$variables <- cbind(full$variables, .eta = eta - weighted.mean(eta, w), .eta2 = (eta - weighted.mean(eta, w))^2)
  if (length(unique(round(eta, 8))) > length(coef(fit))) {
    link <- tight_svyglm(paste(y, "~ .eta + .eta2"), full)
    t <- coef(link)[[3]] / SE(link)[[3]]
    emit_test(scenario, "link", t^2, 1, link$df.residual)
  }
  terms <- attr(terms(fit), "term.labels")
  for (axis in unique(unlist(strsplit(terms, ":")))) {
    held <- terms[vapply(strsplit(terms, ":"), function(p) axis %in% p, TRUE)]
    test <- regTermTest(fit, as.formula(paste("~", paste(held, collapse = " + "))))
    emit_test(scenario, axis, test$Ftest[1], test$df, test$ddf)
  }
  # shares of a coefficient's variance: of one cell (covariance of its part with the whole), of one PSU
  cell <- full$variables$.cell; Z <- outer(as.character(cell), levels(cell), "==") * 1
  for (k in seq_along(coef(fit))) {
    V <- vcov(svytotal(cbind(Z * psi[, k], psi[, k]), full)); last <- nrow(V)
    share <- V[-last, last] / V[last, last]
    same(sum(share), 1, 1e-9, "the shares of cells add up to 1")
    emit(scenario, "estimate", paste("cell", formulaic_names(fit)[k]), max(share))
  }
  ids <- design$cluster[[1]]; strata <- design$strata[[1]]                  # PSUs without anybody in the domain are zeros
  at <- match(rownames(full$variables), rownames(design$variables))
  for (k in seq_along(coef(fit))) {
    z <- numeric(nrow(design$variables)); z[at] <- w * psi[, k]
    total <- tapply(z, as.character(ids), sum); stratum <- tapply(as.character(strata), as.character(ids), `[`, 1)
    n <- table(stratum)[stratum]; mean <- tapply(total, stratum, mean)[stratum]
    share <- as.vector(n / (n - 1) * (total - mean)^2) / vcov(fit)[k, k]
    same(sum(share), 1, 1e-7, "the shares of PSUs add up to 1")
    emit(scenario, "estimate", paste("unit", formulaic_names(fit)[k]), max(share))
  }
}

# ---- HINTS 6: recodes as in hints6.R --------------------------------------------------------------------------------------
raw <- read.csv(data_file("hints6", "hints6_extract.csv.gz"), check.names = FALSE)
pick <- function(x, map) { out <- rep(NA_character_, length(x)); for (to in names(map)) out[x %in% map[[to]]] <- to; factor(out, levels = names(map)) }
zero_one <- function(x, one, zero) ifelse(x %in% one, 1, ifelse(x %in% zero, 0, NA))
yes <- raw$Deaf == "Yes" | raw$Occupation_Disabled == "Selected"; no <- raw$Deaf == "No" & raw$Occupation_Disabled == "Not selected"
people <- data.frame(
  mistrust = zero_one(raw$TrustHCSystem, c("Somewhat", "A little", "Not at all"), "Very"),
  treated_unfairly = zero_one(raw$DiscriminatedMedCare, "Yes", "No"),
  gender = pick(raw$BirthGender, list(man = "Male", woman = "Female")),
  ethnicity = pick(raw$RaceEthn5, list(majority = "Non-Hispanic White",
    minority = c("Non-Hispanic Black or African American", "Hispanic", "Non-Hispanic Asian", "Non-Hispanic Other"))),
  disability = factor(ifelse(yes, "disabled", ifelse(no, "not disabled", NA)), levels = c("not disabled", "disabled")),
  age_band = factor(ifelse(raw$AgeGrpB %in% c("18-34", "35-49", "50-64", "65-74", "75+"), raw$AgeGrpB, NA), levels = c("18-34", "35-49", "50-64", "65-74", "75+")),
  raw[c("VAR_STRATUM", "VAR_CLUSTER", "PERSON_FINWT0")])
rownames(people) <- seq_len(nrow(people))
design <- svydesign(ids = ~VAR_CLUSTER, strata = ~VAR_STRATUM, nest = TRUE, weights = ~PERSON_FINWT0, data = people)
base <- complete(design, c("gender", "ethnicity", "disability", "age_band"))
guard <- function(y, axes) {
  v <- base$variables[!is.na(base$variables[[y]]), ]
  stopifnot(all(table(v[axes]) >= 10), all(table(v[v[[y]] == 1, axes]) >= 10), all(table(v[v[[y]] == 0, axes]) >= 10))
}
three <- c("gender", "ethnicity", "disability")
for (case in list(list("mistrust", "ethnicity * disability", three), list("mistrust", "gender + ethnicity + disability", three),
                  list("mistrust", "gender * ethnicity + age_band", c("gender", "ethnicity", "age_band")),
                  list("treated_unfairly", "gender * ethnicity", c("gender", "ethnicity")))) {
  guard(case[[1]], case[[3]])
  keep <- !is.na(people[[case[[1]]]]) & stats::complete.cases(people[c("gender", "ethnicity", "disability", "age_band")])
  diagnose(paste("diagnostics/hints6", case[[1]], case[[2]], sep = "/"), case[[1]], case[[2]], domain(design, keep), case[[3]])
}

# ---- made-up rows: nobody's answers -----------------------------------------------------------------------------------------
made <- read.csv(file.path(script_dir(), "replicates_data.csv"))
made$a <- factor(made$a, levels = c("no", "yes")); made$b <- factor(made$b, levels = c("no", "yes"))
rownames(made) <- seq_len(nrow(made))
diagnose("diagnostics/made/y/a + b", "y", "a + b", svydesign(ids = ~psu, strata = ~stratum, nest = TRUE, weights = ~w, data = made), c("a", "b"))
write_rows("diagnostics.csv")
