# How wrong could a panel be? Yes-sayers, tipping points, refusals (svycontrast, withReplicates) and measures of unadjusted bias
# (Andridge and others 2019, written from the formulas of the paper) on the made-up rows of replicates.R. Writes panel.csv.
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])), "common.R"))

made <- read.csv(file.path(script_dir(), "replicates_data.csv"))
made$c <- c("x", "y", "z")[(seq_len(nrow(made)) - 1) %% 3 + 1]
made$one <- 1
jackknife <- function(rows) suppressWarnings(svrepdesign(data = rows, weights = ~w, repweights = as.matrix(rows[grep("^jk1_", names(rows))]), type = "JK1", combined.weights = TRUE, mse = TRUE))
designs <- function(rows) list(taylor = svydesign(ids = ~psu, strata = ~stratum, nest = TRUE, weights = ~w, data = rows), jk1 = jackknife(rows))
# A function of totals: linearised by svycontrast, or computed anew in each replicate.
of_totals <- function(design, variables, expression) {
  if (inherits(design, "svyrep.design"))
    return(withReplicates(design, function(w, data) eval(expression, as.list(colSums(data[variables] * w)))))
  svycontrast(svytotal(as.formula(paste("~", paste(variables, collapse = " + "))), design), list(r = expression))
}
put <- function(scenario, name, found) { emit(scenario, "estimate", name, coef(found)); emit(scenario, "se", name, SE(found)) }

# ---- yes-sayers ------------------------------------------------------------------------------------------------------
for (axis in c("a", "b")) made[[paste0(axis, "1")]] <- as.numeric(made[[axis]] == "yes")
indicators <- function(rows) within(rows, { Wc <- a1 * b1; Yc <- Wc * y; Wn <- (1 - a1) * (1 - b1); Yn <- Wn * y; Wa <- a1 * (1 - b1); Ya <- Wa * y; Wb <- (1 - a1) * b1; Yb <- Wb * y; W <- 1 })
totals <- c("W", "Wc", "Yc", "Wn", "Yn", "Wa", "Ya", "Wb", "Yb")
rows <- indicators(made)
for (s in c(0, 0.02, 0.05)) {
  left <- bquote((Yc - .(s) * W) / (Wc - .(s) * W))
  for (kind in c("taylor", "jk1")) {
    design <- designs(rows)[[kind]]
    scenario <- paste("panel/made", kind, "yes_sayers", s, sep = "/")
    put(scenario, "level", of_totals(design, totals, left))
    put(scenario, "gap", of_totals(design, totals, bquote(.(left) - Yn / Wn)))
    put(scenario, "interaction_contrast", of_totals(design, totals, bquote(.(left) - Ya / Wa - Yb / Wb + Yn / Wn)))
    if (s == 0.02) for (stratum in c("x", "y", "z")) {
      own <- indicators(made); inside <- as.numeric(made$c == stratum); own[totals] <- own[totals] * inside
      put(scenario, paste0("c=", stratum), of_totals(designs(own)[[kind]], totals, left))
    }
  }
}
# The share with which the cell shows the target.
targets <- c(halve = 0.5, vanish = 1, turn = 2)
for (kind in c("taylor", "jk1")) for (name in names(targets)) {
  t_gap <- bquote(Yc / Wc - .(targets[[name]]) * (Yc / Wc - Yn / Wn))
  t_both <- bquote(Yc / Wc - .(targets[[name]]) * (Yc / Wc - Ya / Wa - Yb / Wb + Yn / Wn))
  for (measure in c("gap", "interaction_contrast")) {
    t <- if (measure == "gap") t_gap else t_both
    put(paste("panel/made", kind, "yes_sayer_shares", measure, sep = "/"), name, of_totals(designs(rows)[[kind]], totals, bquote((Yc - .(t) * Wc) / (W * (1 - .(t))))))
  }
}

# ---- tipping points ----------------------------------------------------------------------------------------------------
for (kind in c("taylor", "jk1")) for (outside in c(0.1, 0.4)) for (name in names(targets))
  put(paste("panel/made", kind, "tipping_points", outside, sep = "/"), name, of_totals(designs(rows)[[kind]], totals, bquote(.(targets[[name]]) * (Yc / Wc - Yn / Wn) / .(outside))))

# ---- refusals: every seventh person refused ------------------------------------------------------------------------------
refused <- as.numeric(seq_len(nrow(made)) %% 7 == 0)
for (group in c("no", "yes")) for (delta in c(-1, 0, 1.5)) {
  here <- as.numeric(made$a == group)
  own <- within(made, { A <- here * (1 - refused); Y <- A * y; R <- here * refused })
  would <- bquote((Y / A) * .(exp(delta)) / (1 - Y / A + (Y / A) * .(exp(delta))))
  for (kind in c("taylor", "jk1"))
    put(paste("panel/made", kind, "refusals", delta, sep = "/"), paste0("a=", group), of_totals(designs(own)[[kind]], c("A", "Y", "R"), bquote((Y + R * .(would)) / (A + R))))
}

# ---- measures of unadjusted bias -------------------------------------------------------------------------------------------
# `cells`: factors, weighted people and events; `margins`: the shares of the population by axis; `asked`: the share of it in the panel.
mubp <- function(cells, margins, asked, phi) {
  w <- cells$people; y <- cells$events / cells$people
  fit <- suppressWarnings(glm(as.formula(paste("y ~", paste(names(margins), collapse = " + "))), binomial("probit"), cells, weights = w, control = glm.control(epsilon = 1e-15, maxit = 200)))
  x <- unname(fit$linear.predictors); share <- w / sum(w)
  joint <- share
  for (i in 1:300) for (axis in names(margins)) joint <- joint * (margins[[axis]] / tapply(joint, cells[[axis]], sum))[as.character(cells[[axis]])]
  joint <- unname(as.vector(joint))
  others <- (joint - asked * share) / (1 - asked)
  mean0 <- sum(share * x); var0 <- sum(share * (x - mean0)^2); mean1 <- sum(others * x); var1 <- sum(others * (x - mean1)^2)
  level <- sum(cells$events) / sum(w); z <- (x - mean0) / sqrt(var0)
  likelihood <- function(rho) { eta <- (qnorm(level) + rho * z) / sqrt(1 - rho^2); sum(cells$events * pnorm(eta, log.p = TRUE) + (w - cells$events) * pnorm(-eta, log.p = TRUE)) }
  slope <- function(rho) { h <- 1e-5; (likelihood(rho - 2 * h) - 8 * likelihood(rho - h) + 8 * likelihood(rho + h) - likelihood(rho + 2 * h)) / (12 * h) }
  rho <- uniroot(slope, c(-0.98, 0.98), tol = 1e-14)$root
  g <- (phi + (1 - phi) * rho) / (phi * rho + 1 - phi)
  level - (asked * level + (1 - asked) * pnorm((qnorm(level) + g * (mean1 - mean0) / sqrt(var0)) / sqrt(1 + g^2 * (var1 / var0 - 1))))
}
margins <- list(a = c(no = 0.55, yes = 0.45), b = c(no = 0.6, yes = 0.4))
tabulated <- function(rows, w, axes) {
  found <- aggregate(cbind(people = w, events = w * rows$y), rows[axes], sum)
  found[found$people > 0, ]
}
for (axes in list("a", c("a", "b"))) for (asked in c(0, 0.2)) for (phi in c(0, 0.5, 1))
  emit(paste("panel/made/weights/mubp", paste(axes, collapse = ","), asked, sep = "/"), "estimate", paste0("phi=", phi), mubp(tabulated(made, made$w, axes), margins[axes], asked, phi))
for (phi in c(0, 0.5, 1)) {
  found <- withReplicates(jackknife(made), function(w, data) mubp(tabulated(data, w, c("a", "b")), margins, 0, phi))
  put("panel/made/jk1/mubp/a,b/0", paste0("phi=", phi), found)
}

write_rows("panel.csv")
