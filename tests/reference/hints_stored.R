# Everything that is committed of HINTS 6 and 7: each set of sealed cells by Taylor linearisation, and each stored
# estimand by the 50 jackknife replicates (and by Taylor). Which sets there are is in hints_sets.csv, and which
# estimands in data/hints*/replicates.csv, of which only the names are read here. Only aggregates are written.
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])), "common.R"))

# ---- recodes, from the published level texts ---------------------------------------------------------------------------
pick <- function(x, map) {
  out <- rep(NA_character_, length(x))
  for (to in names(map)) out[x %in% map[[to]]] <- to
  factor(out, levels = names(map))
}
zero_one <- function(x, one, zero) ifelse(x %in% one, 1, ifelse(x %in% zero, 0, NA))
some_of <- function(columns, yes, no, levels) {
  is_yes <- Reduce(`|`, Map(function(x, y) x %in% y, columns, yes))
  is_no <- Reduce(`&`, Map(function(x, y) x %in% y, columns, no))
  factor(ifelse(is_yes, levels[2], ifelse(is_no, levels[1], NA)), levels = levels)
}
each <- function(value, columns) rep(list(value), length(columns))

MINORITY <- c("Non-Hispanic Black or African American", "Hispanic", "Non-Hispanic Asian", "Non-Hispanic Other")
AGES <- c("18-34", "35-49", "50-64", "65-74", "75+")
CARE <- c(listening = "FeelingsAddressed", questions = "ChanceAskQuestions", involvement = "InvolvedDecisions",
  understanding = "UnderstoodNextSteps", explaining = "ExplainedClearly", time = "SpentEnoughTime",
  uncertainty = "HelpUncertainty")

of_both <- function(raw, ending) {
  d <- data.frame(
    ethnicity = pick(raw$RaceEthn5, list(majority = "Non-Hispanic White", minority = MINORITY)),
    ethnicity_detail = pick(raw$RaceEthn5, list(White = "Non-Hispanic White", Black = MINORITY[1],
      Hispanic = MINORITY[2], Asian = MINORITY[3], Other = MINORITY[4])),
    age_band = pick(raw$AgeGrpB, setNames(as.list(AGES), AGES)),
    region = factor(raw$CENSREG, levels = c("Northeast", "Midwest", "South", "West")))
  for (item in names(CARE)) {
    d[[paste0("poor_", item, ending)]] <- zero_one(raw[[CARE[[item]]]], c("Sometimes", "Never"), c("Always", "Usually"))
  }
  d[[paste0("poor_quality", ending)]] <- zero_one(raw$QualityCare, c("Fair", "Poor"), c("Excellent", "Very good", "Good"))
  d
}

of_hints6 <- function(raw) {
  d <- of_both(raw, "")
  trust <- raw$TrustHCSystem
  unfair <- raw$DiscriminatedMedCare
  d$mistrust <- zero_one(trust, c("Somewhat", "A little", "Not at all"), "Very")
  d$low_trust <- zero_one(trust, c("A little", "Not at all"), c("Very", "Somewhat"))
  d$treated_unfairly <- zero_one(unfair, "Yes", "No")
  d$mistrust_reported <- ifelse(is.na(d$mistrust), 0, d$mistrust)
  d$unfair_reported <- ifelse(is.na(d$treated_unfairly), 0, d$treated_unfairly)
  d$delayed_care <- zero_one(raw$DelayNeededCare, "Yes", "No, I received the medical care I felt I needed")
  d$gender <- pick(raw$BirthGender, list(man = "Male", woman = "Female"))
  columns <- raw[c("Deaf", "Occupation_Disabled")]
  d$disability <- some_of(columns, list("Yes", "Selected"), list("No", "Not selected"), c("not disabled", "disabled"))
  skip <- "(Skip OS variable)"
  d$lgbtq <- pick(raw$SexualOrientation, list(no = paste("Heterosexual, or straight", skip),
    yes = paste(c("Homosexual, or gay or lesbian", "Bisexual"), skip)))
  d
}

TOOK_PART <- "I have participated in a clinical trial"
NEVER_TOOK <- c("I have never discussed participating in a clinical trial with a HCP",
  "I have discussed participating in a clinical trial with a HCP but decided not to participate",
  "I have discussed participating in a clinical trial with a HCP but was not eligible to participate")
SOURCES <- c(doctor = "Doctor", family = "Family", government = "Gov", charities = "Charities",
  religious = "ReligiousOrgs", scientists = "Scientists")

of_hints7 <- function(raw) {
  d <- of_both(raw, "_2024")
  little <- c("A little", "Not at all")
  d$discriminated_in_care <- zero_one(raw$DiscriminatedMedCare2, "Yes", "No")
  d$mistrust_2024 <- zero_one(raw$TrustHCSystem, c("Some", little), "A lot")
  d$low_trust_2024 <- zero_one(raw$TrustHCSystem, little, c("A lot", "Some"))
  d$always_involved <- zero_one(raw$InvolvedDecisions, "Always", c("Usually", "Sometimes", "Never"))
  agree <- c("Strongly agree", "Somewhat agree")
  d$information_not_respected <- zero_one(raw$DocRespectedInfo, c("Somewhat disagree", "Strongly disagree"), agree)
  for (item in names(SOURCES)) {
    answers <- raw[[paste0("CancerTrust", SOURCES[[item]])]]
    d[[paste0("low_trust_", item)]] <- zero_one(answers, little, c("A lot", "Some"))
  }
  d$trial_participant <- zero_one(raw$ExpClinTrial, TOOK_PART, NEVER_TOOK)
  d$trial_participant_reported <- zero_one(raw$ExpClinTrial, TOOK_PART, c(NEVER_TOOK, "I don't know/don't remember"))
  d$gender <- pick(raw$BirthSex, list(man = "Male", woman = "Female"))
  limits <- raw[paste0("HealthLimits_", c("Deaf", "Blind", "Mobility"))]
  with_pain <- cbind(limits, raw["HealthLimits_Pain"])
  both <- c("not disabled", "disabled")
  d$disability <- some_of(limits, each("Yes", limits), each("No", limits), both)
  d$disability_or_pain <- some_of(with_pain, each("Yes", with_pain), each("No", with_pain), both)
  d$disability_told <- 1 * Reduce(`|`, lapply(with_pain, function(x) x %in% c("Yes", "No")))
  straight <- "Straight, that is, not gay or lesbian"
  others <- c("Lesbian or gay", "Bisexual", "Something else")
  d$lgbtq <- pick(raw$SexualOrientation_Recode, list(no = straight, yes = others))
  columns <- c(list(raw$BirthSex, raw$RaceEthn5), limits, list(raw$SexualOrientation_Recode))
  d$marginalised <- some_of(columns, c(list("Female", MINORITY), each("Yes", limits), list(others)),
    c(list("Male", "Non-Hispanic White"), each("No", limits), list(straight)), c("no", "yes"))
  d$age_three <- pick(raw$AgeGrpB, list("18-49" = AGES[1:2], "50-64" = AGES[3], "65+" = AGES[4:5]))
  d$language <- pick(raw$Language_Flag, list(English = "English", Spanish = c("Spanish", "Mixed (Web cases only)")))
  d
}

# ---- one set of people: rows, and the same people as one row per combination of answers ----------------------------------
people_of <- function(survey, set) {
  told <- unique(c(set$outcome, set$by, set$known))
  keep <- which(complete.cases(survey$d[told]))
  rows <- data.frame(y = survey$d[[set$outcome]][keep])
  for (axis in set$by) rows[[axis]] <- droplevels(survey$d[[axis]][keep])
  weights <- survey$weights[keep, , drop = FALSE]
  if (set$weights == "unweighted") weights <- weights[, 1, drop = FALSE] * 0 + 1
  code <- do.call(paste, c(lapply(rows, as.character), sep = "\r"))
  first <- match(unique(code), code)
  taylor <- survey$taylor
  if (set$weights == "unweighted") {
    taylor <- svydesign(ids = ~psu, strata = ~stratum, nest = TRUE, weights = ~one, data = taylor$variables)
  }
  taylor$variables <- cbind(taylor$variables[c("psu", "stratum", "one")], y = survey$d[[set$outcome]],
    survey$d[set$by])
  list(rows = rows, code = code, combos = rows[first, , drop = FALSE],
    totals = rowsum(weights, factor(code, unique(code)), reorder = FALSE), taylor = domain(taylor, seq_len(nrow(survey$d)) %in% keep))
}
refuse_small <- function(people, name) {
  cell <- if (ncol(people$rows) > 1) interaction(people$rows[-1], drop = TRUE) else rep("all", nrow(people$rows))
  if (any(table(cell) < 20)) stop("small cell in ", name)
}
read_survey <- function(name, recode) {
  raw <- read.csv(data_file(name, paste0(name, "_extract.csv.gz")), check.names = FALSE, colClasses = "character")
  d <- recode(raw)
  weights <- sapply(raw[paste0("PERSON_FINWT", 0:50)], as.numeric)
  frame <- data.frame(psu = raw$VAR_CLUSTER, stratum = trimws(raw$VAR_STRATUM), weight = weights[, 1], one = 1)
  taylor <- svydesign(ids = ~psu, strata = ~stratum, nest = TRUE, weights = ~weight, data = frame)
  list(name = name, d = d, weights = weights, taylor = taylor)
}

# ---- cells: n, level, SE, and the SE of a contrast of all cells, which rests on every covariance ----------------------
cells_of <- function(people, by, name) {
  found <- cell_cov(people$taylor, "y", by)
  c1 <- seq_along(found$p)
  data.frame(set = name, cell = c(found$name, "contrast"), n = c(found$n, sum(found$n)),
    estimate = c(found$p, sum(c1 * found$p)), se = c(found$se, sqrt(drop(c1 %*% found$V %*% c1))))
}

# ---- estimands: values of a set of weights, and a gradient for Taylor ---------------------------------------------------
split_row <- function(row) {
  parts <- strsplit(strsplit(row, ";", fixed = TRUE)[[1]], "=", fixed = TRUE)
  setNames(vapply(parts, function(x) paste(x[-1], collapse = "="), ""), vapply(parts, `[`, "", 1))
}
member <- function(frame, keys) {
  axes <- setdiff(names(keys), c("axis", "level", "reference", "measure", "method"))
  if ("axis" %in% names(keys)) return(frame[[keys[["axis"]]]] == keys[["level"]])
  Reduce(`&`, lapply(axes, function(a) frame[[a]] == keys[[a]]), rep(TRUE, nrow(frame)))
}
# Rows that a row of a table of gaps or of interaction is about: its own, and those it is compared with.
named_levels <- function(text) {
  parts <- strsplit(strsplit(text, ", ", fixed = TRUE)[[1]], " ")
  setNames(vapply(parts, function(x) paste(x[-1], collapse = " "), ""), vapply(parts, `[`, "", 1))
}
four_of <- function(keys) {
  reference <- named_levels(keys[["reference"]])
  pair <- names(reference)
  own <- keys[setdiff(names(keys), c("reference", "measure", "method"))]
  put <- function(a, b) { k <- own; if (!a) k[[pair[1]]] <- reference[[1]]; if (!b) k[[pair[2]]] <- reference[[2]]; k }
  list(p00 = put(FALSE, FALSE), p10 = put(TRUE, FALSE), p01 = put(FALSE, TRUE), p11 = put(TRUE, TRUE))
}
reference_of <- function(keys) {
  if ("axis" %in% names(keys)) return(c(keys["axis"], level = keys[["reference"]]))
  own <- setdiff(names(keys), "reference")
  setNames(strsplit(keys[["reference"]], ", ", fixed = TRUE)[[1]], own)
}
MORE <- c(MEASURES, list(
  ap_or = quote(((p11 / (1 - p11) - p10 / (1 - p10) - p01 / (1 - p01)) / (p00 / (1 - p00)) + 1) / ((p11 / (1 - p11)) / (p00 / (1 - p00)))),
  synergy_or = quote(((p11 / (1 - p11)) / (p00 / (1 - p00)) - 1) / ((p10 / (1 - p10) + p01 / (1 - p01)) / (p00 / (1 - p00)) - 2))))
ON_LOG <- c(LOG_MEASURES, "synergy_or")

tight_coef <- function(X, y, w, start = NULL) {
  fit <- suppressWarnings(glm.fit(X, y, weights = w / mean(w), family = quasibinomial(), start = start,
    control = glm.control(epsilon = 1e-14, maxit = 100)))
  fit$coefficients
}
# What a model says of each level: mean of the predictions with the axes set, over the people and weights of `w`.
standardised <- function(beta, people, formula, settings, w) {
  vapply(settings, function(keys) {
    set <- people$combos
    axes <- if ("axis" %in% names(keys)) setNames(keys[["level"]], keys[["axis"]]) else keys
    for (a in names(axes)) set[[a]] <- factor(rep(axes[[a]], nrow(set)), levels = levels(set[[a]]))
    sum(w * plogis(drop(model.matrix(formula, set) %*% beta))) / sum(w)
  }, 0)
}
jacobian <- function(f, at) {
  columns <- lapply(seq_along(at), function(k) {
    h <- 1e-4
    step <- function(m) { b <- at; b[k] <- b[k] + m * h; f(b) }
    (8 * (step(1) - step(-1)) - (step(2) - step(-2))) / (12 * h)
  })
  do.call(cbind, columns)
}
jk1 <- function(theta, at) {
  V <- as.matrix(svrVar(theta, 49 / 50, rep(1, 50), mse = TRUE, coef = at))
  attributes(V) <- list(dim = dim(V))
  V
}

direct_levels <- function(people, settings) {
  inside <- vapply(settings, function(k) member(people$combos, k), logical(nrow(people$combos)))
  inside <- matrix(inside, nrow(people$combos))
  weighted <- t(inside) %*% people$totals
  hit <- t(inside) %*% (people$totals * people$combos$y)
  theta <- hit / weighted
  rows <- people$taylor
  p <- theta[, 1]
  v <- rows$variables
  U <- vapply(seq_along(settings), function(i) {
    here <- member(v, settings[[i]])
    w <- row_weights(rows) * here
    w * (v$y - p[i]) / sum(w)
  }, numeric(nrow(v)))
  V <- svyrecvar(matrix(U, nrow(v)), rows$cluster, rows$strata, rows$fpc, postStrata = rows$postStrata)
  list(p = p, theta = t(theta[, -1, drop = FALSE]), taylor = V)
}

model_of <- function(people, formula) {
  X <- model.matrix(formula, people$combos)
  W <- people$totals
  beta <- tight_coef(X, people$combos$y, W[, 1])
  theta <- t(apply(W[, -1], 2, function(w) tight_coef(X, people$combos$y, w, beta)))
  fit <- tight_svyglm(update(formula, y ~ .), people$taylor)
  same(coef(fit), beta, 1e-8, "model of rows and of combinations")
  list(fit = fit, formula = formula, beta = beta, theta = theta, V = jk1(theta, beta), taylor = vcov(fit))
}

key_text <- function(keys) paste(names(keys), keys, sep = "=", collapse = ";")
lookup <- function(found, keys) match(key_text(keys), found$key)
# Levels with both covariances: as answered, or as a model says.
levels_of <- function(people, settings, model = NULL) {
  key <- vapply(settings, key_text, "")
  if (is.null(model)) {
    found <- direct_levels(people, settings)
    return(list(key = key, p = found$p, theta = found$theta, V = jk1(found$theta, found$p), taylor = found$taylor))
  }
  w <- people$totals[, 1]
  f <- function(beta) standardised(beta, people, model$formula, settings, w)
  J <- jacobian(f, model$beta)
  theta <- t(apply(model$theta, 1, f))
  list(key = key, p = f(model$beta), theta = theta, V = J %*% model$V %*% t(J), taylor = J %*% model$taylor %*% t(J))
}
se_of <- function(g, V) sqrt(drop(g %*% V %*% g))

gap_row <- function(found, keys) {
  own <- lookup(found, keys[setdiff(names(keys), "reference")])
  other <- lookup(found, reference_of(keys))
  g <- replace(numeric(length(found$p)), c(own, other), c(1, -1))
  c(sum(g * found$p), se_of(g, found$V), se_of(g, found$taylor))
}
interaction_row <- function(found, keys) {
  at <- vapply(four_of(keys), function(k) lookup(found, k), 1L)
  expression <- MORE[[keys[["measure"]]]]
  here <- as.list(found$p[at])
  names(here) <- names(at)
  value <- eval(deriv(expression, names(at)), here)
  est <- as.vector(value)
  if (keys[["method"]] == "mover") return(c(est, NA, NA))
  g <- replace(numeric(length(found$p)), at, attr(value, "gradient"))
  if (keys[["method"]] == "delta") return(c(est, se_of(g, found$V), se_of(g, found$taylor)))
  again <- apply(found$theta, 1, function(p) eval(expression, setNames(as.list(p[at]), names(at))))
  if (keys[["measure"]] %in% ON_LOG) {
    if (any(c(est, again) <= 0)) return(c(est, NA, NA))
    return(c(est, est * sqrt(jk1(matrix(log(again)), log(est))), NA))
  }
  c(est, sqrt(jk1(matrix(again), est)), NA)
}
odds_row <- function(model, keys) {
  at <- match(keys[["term"]], formulaic_names(model$fit))
  est <- exp(unname(model$beta[at]))
  c(est, est * sqrt(model$V[at, at]), est * sqrt(model$taylor[at, at]))
}
participation_row <- function(people, keys) {
  own <- member(people$combos, keys)
  y <- people$combos$y
  theta <- apply(people$totals, 2, function(w) (sum(w * y * own) / sum(w * y)) / (sum(w * own) / sum(w)))
  d <- update(people$taylor, took = y, own = as.numeric(member(people$taylor$variables, keys)))
  totals <- svytotal(~I(took * own) + took + own + I(took^0), d)
  names(totals) <- c("both", "took", "own", "all")
  taylor <- as.vector(SE(svycontrast(totals, quote((both / took) / (own / all)))))
  c(theta[1], sqrt(jk1(matrix(theta[-1]), theta[1])), taylor)
}

formula_of <- function(text) {
  text <- sub(";.*$", "", text)
  if (text == "" || grepl("^(one way|participation):", text)) NULL else as.formula(paste("~", text), env = globalenv())
}
is_saturated <- function(people, formula) {
  cells <- nrow(unique(people$combos[all.vars(formula)]))
  ncol(model.matrix(formula, people$combos)) == cells
}
settings_of <- function(rows) {
  own <- lapply(rows, function(r) { k <- split_row(r); k[!names(k) %in% c("reference", "measure", "method")] })
  own[!duplicated(vapply(own, key_text, ""))]
}
# All rows of one set of cells and one model. Gaps and interaction of identities are those of the predictions.
stored_of <- function(people, wanted, set) {
  formula <- formula_of(wanted$model[1])
  model <- if (is.null(formula)) NULL else model_of(people, formula)
  by_axis <- !any(wanted$table %in% c("predictions", "interaction"))
  through <- if (by_axis || is.null(model) || is_saturated(people, formula)) NULL else model
  one <- function(table, row, found) {
    keys <- split_row(row)
    switch(table,
      gaps = gap_row(found$shown, keys), interaction = interaction_row(found$shown, keys),
      odds_ratios = odds_row(model, keys), participation = participation_row(people, keys), {
        levels <- if (table == "predictions") found$shown else if (table == "levels_model") found$modelled else found$direct
        i <- lookup(levels, keys)
        c(levels$p[i], sqrt(levels$V[i, i]), sqrt(levels$taylor[i, i]))
      })
  }
  level_rows <- function(tables) settings_of(wanted$row[wanted$table %in% tables])
  found <- list()
  direct <- level_rows(c("levels", "everyone"))
  if (any(wanted$table == "everyone")) direct <- list(setNames(character(0), character(0)))
  if (length(direct)) found$direct <- levels_of(people, direct)
  found$shown <- found$direct
  if (!is.null(through)) found$shown <- levels_of(people, level_rows("predictions"), through)
  if (any(wanted$table == "levels_model")) found$modelled <- levels_of(people, level_rows("levels_model"), model)
  values <- t(mapply(one, wanted$table, wanted$row, MoreArgs = list(found = found)))
  data.frame(wanted, estimate = values[, 1], se = values[, 2], taylor_se = values[, 3])
}

# ---- all of it -----------------------------------------------------------------------------------------------------------
words <- function(text) strsplit(text, " ", fixed = TRUE)[[1]]
sets <- read.csv(file.path(script_dir(), "hints_sets.csv"), colClasses = "character", na.strings = NULL)
surveys <- list(hints6 = of_hints6, hints7 = of_hints7)
all_cells <- list()
all_stored <- list()
for (name in names(surveys)) {
  survey <- read_survey(name, surveys[[name]])
  path <- file.path(script_dir(), "..", "..", "data", name, "replicates.csv")
  wanted <- read.csv(path, colClasses = "character", na.strings = NULL)[c("cells", "model", "table", "row")]
  for (i in which(sets$survey == name)) {
    set <- list(outcome = sets$outcome[i], by = words(sets$by[i]), known = words(sets$known[i]), weights = sets$weights[i])
    people <- people_of(survey, set)
    refuse_small(people, sets$set[i])
    all_cells[[length(all_cells) + 1]] <- cbind(survey = name, cells_of(people, set$by, sets$set[i]))
    mine <- wanted[wanted$cells == sets$set[i], ]
    for (model in unique(mine$model)) {
      found <- stored_of(people, mine[mine$model == model, ], set)
      all_stored[[length(all_stored) + 1]] <- cbind(survey = name, found)
    }
  }
}
write_table(do.call(rbind, all_cells), "hints_cells.csv")
write_table(do.call(rbind, all_stored), "hints_stored.csv")
