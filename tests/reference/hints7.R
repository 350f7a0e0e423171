# HINTS 7 (NCI, 2024): levels, gaps and contrasts by Taylor linearisation and by the 50 jackknife replicates. Only aggregates are written.
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])), "common.R"))
raw <- read.csv(data_file("hints7", "hints7_extract.csv.gz"), check.names = FALSE, colClasses = "character")

# ---- recodes, from the published level texts ---------------------------------------------------------------------------
pick <- function(x, map) { out <- rep(NA_character_, length(x)); for (to in names(map)) out[x %in% map[[to]]] <- to; factor(out, levels = names(map)) }
zero_one <- function(x, one, zero) ifelse(x %in% one, 1, ifelse(x %in% zero, 0, NA))
any_yes <- function(columns) {
  yes <- Reduce(`|`, lapply(raw[columns], function(x) x == "Yes"))
  no <- Reduce(`&`, lapply(raw[columns], function(x) x == "No"))
  factor(ifelse(yes, "disabled", ifelse(no, "not disabled", NA)), levels = c("not disabled", "disabled"))
}
LIMITS <- paste0("HealthLimits_", c("Deaf", "Blind", "Mobility"))
never <- c("Sometimes", "Never"); often <- c("Always", "Usually")
trial <- "I have participated in a clinical trial"
no_trial <- c("I have never discussed participating in a clinical trial with a HCP",
              "I have discussed participating in a clinical trial with a HCP but decided not to participate",
              "I have discussed participating in a clinical trial with a HCP but was not eligible to participate")
d <- data.frame(
  discriminated_in_care = zero_one(raw$DiscriminatedMedCare2, "Yes", "No"),
  mistrust_2024 = zero_one(raw$TrustHCSystem, c("Some", "A little", "Not at all"), "A lot"),
  poor_listening_2024 = zero_one(raw$FeelingsAddressed, never, often),
  poor_quality_2024 = zero_one(raw$QualityCare, c("Fair", "Poor"), c("Excellent", "Very good", "Good")),
  trial_participant = zero_one(raw$ExpClinTrial, trial, no_trial),
  gender = pick(raw$BirthSex, list(man = "Male", woman = "Female")),
  ethnicity = pick(raw$RaceEthn5, list(majority = "Non-Hispanic White",
    minority = c("Non-Hispanic Black or African American", "Hispanic", "Non-Hispanic Asian", "Non-Hispanic Other"))),
  disability = any_yes(LIMITS),
  disability_or_pain = any_yes(c(LIMITS, "HealthLimits_Pain")),
  age_band = factor(ifelse(raw$AgeGrpB %in% c("18-34", "35-49", "50-64", "65-74", "75+"), raw$AgeGrpB, NA)),
  psu = raw$VAR_CLUSTER, stratum = trimws(raw$VAR_STRATUM), weight = as.numeric(raw$PERSON_FINWT0))
stopifnot(nrow(d) == 7278, sum(d$trial_participant, na.rm = TRUE) == 598)
d$base <- stats::complete.cases(d[c("gender", "ethnicity", "disability", "disability_or_pain", "age_band")])

designs <- list(
  taylor = svydesign(ids = ~psu, strata = ~stratum, nest = TRUE, weights = ~weight, data = d),
  jk1 = svrepdesign(data = d, weights = ~weight, repweights = sapply(raw[paste0("PERSON_FINWT", 1:50)], as.numeric), type = "JK1",
                    scale = 49 / 50, rscales = rep(1, 50), mse = TRUE, combined.weights = TRUE))

guard <- function(rows, y, axes) {
  rows <- rows[stats::complete.cases(rows[c(y, axes)]), ]
  cell <- if (length(axes)) interaction(rows[axes]) else factor(rep("all", nrow(rows)))
  small <- c(table(cell[rows[[y]] == 1]), table(cell[rows[[y]] == 0]))
  if (any(small < 10)) stop("small cell: ", y, " by ", paste(axes, collapse = ","))
}

# Participation-to-population ratios: the share of a group among participants over its share among all who know.
ratio <- function(w, v) (sum(w * v$took * v$own) / sum(w * v$took)) / (sum(w * v$own) / sum(w))
emit_participation <- function(scenario, design, axis) {
  d <- complete(design, c("trial_participant", axis))
  guard(d$variables, "trial_participant", axis)
  for (level in levels(d$variables[[axis]])) {
    d <- update(d, took = trial_participant, own = as.numeric(d$variables[[axis]] == level))
    if (is_rep(d)) {
      found <- withReplicates(d, ratio)
    } else {
      totals <- svytotal(~I(took * own) + took + own + I(took^0), d)
      names(totals) <- c("both", "took", "own", "all")
      found <- svycontrast(totals, quote((both / took) / (own / all)))
    }
    se <- unname(as.vector(SE(found)))
    emit(scenario, "estimate", paste0(axis, "=", level), as.vector(coef(found)))
    emit(scenario, "se", paste0(axis, "=", level), se)
  }
}

for (name in names(designs)) {
  root <- paste0("hints7/", name, "/")
  whole <- designs[[name]]
  base <- domain(whole, d$base)
  for (y in c("discriminated_in_care", "mistrust_2024", "poor_listening_2024", "poor_quality_2024", "trial_participant")) {
    guard(d, y, NULL)
    emit_levels(paste0(root, y, "/levels/all"), cell_cov(whole, y))
    for (axes in list("gender", "ethnicity", "disability")) {
      guard(base$variables, y, axes)
      emit_levels(paste0(root, y, "/levels/", axes), cell_cov(base, y, axes))
    }
  }
  for (y in c("discriminated_in_care", "mistrust_2024", "poor_quality_2024")) {
    axes <- c("ethnicity", "disability")
    guard(base$variables, y, axes)
    cells <- cell_cov(base, y, axes)
    scenario <- paste0(root, y, "/{kind}/ethnicity,disability")
    emit_levels(sub("{kind}", "levels", scenario, fixed = TRUE), cells)
    emit_interactions(scenario, cells)
    emit_comparisons(sub("{kind}", "levels_{kind}", scenario, fixed = TRUE), cells, cells$df, cells$name[1])
  }
  for (axis in c("gender", "ethnicity", "disability")) {
    emit_participation(paste0(root, "trial_participant/participation"), base, axis)
  }
  emit_logit(paste0(root, "discriminated_in_care/logit/gender + ethnicity + disability"),
             tight_svyglm("discriminated_in_care ~ gender + ethnicity + disability", base))
}
write_rows("hints7.csv")
