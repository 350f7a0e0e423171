# HINTS 6 (NCI, 2022): levels, logits, predictions, comparisons, interactions, a domain, under three designs. Only aggregates are written.
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])), "common.R"))
raw <- read.csv(data_file("hints6", "hints6_extract.csv.gz"), check.names = FALSE)

# ---- recodes, from the published level texts ---------------------------------------------------------------------------
pick <- function(x, map) { out <- rep(NA_character_, length(x)); for (to in names(map)) out[x %in% map[[to]]] <- to; factor(out, levels = names(map)) }
zero_one <- function(x, one, zero) ifelse(x %in% one, 1, ifelse(x %in% zero, 0, NA))
d <- data.frame(
  mistrust = zero_one(raw$TrustHCSystem, c("Somewhat", "A little", "Not at all"), "Very"),
  low_trust = zero_one(raw$TrustHCSystem, c("A little", "Not at all"), c("Very", "Somewhat")),
  treated_unfairly = zero_one(raw$DiscriminatedMedCare, "Yes", "No"),
  gender = pick(raw$BirthGender, list(man = "Male", woman = "Female")),
  ethnicity = pick(raw$RaceEthn5, list(majority = "Non-Hispanic White",
    minority = c("Non-Hispanic Black or African American", "Hispanic", "Non-Hispanic Asian", "Non-Hispanic Other"))),
  ethnicity_detail = pick(raw$RaceEthn5, list(White = "Non-Hispanic White", Black = "Non-Hispanic Black or African American", Hispanic = "Hispanic",
    Asian = "Non-Hispanic Asian", Other = "Non-Hispanic Other")),
  lgbtq = pick(raw$SexualOrientation, list(no = "Heterosexual, or straight (Skip OS variable)",
    yes = c("Homosexual, or gay or lesbian (Skip OS variable)", "Bisexual (Skip OS variable)"))),
  age_band = factor(ifelse(raw$AgeGrpB %in% c("18-34", "35-49", "50-64", "65-74", "75+"), raw$AgeGrpB, NA), levels = c("18-34", "35-49", "50-64", "65-74", "75+")),
  region = factor(raw$CENSREG, levels = c("Northeast", "Midwest", "South", "West")))
yes <- raw$Deaf == "Yes" | raw$Occupation_Disabled == "Selected"
no <- raw$Deaf == "No" & raw$Occupation_Disabled == "Not selected"
d$disability <- factor(ifelse(yes, "disabled", ifelse(no, "not disabled", NA)), levels = c("not disabled", "disabled"))
stopifnot(!anyNA(d$region), nrow(d) == 6252, sum(d$mistrust, na.rm = TRUE) == 2846 + 744 + 187, sum(d$gender == "woman", na.rm = TRUE) == 3535)
d <- cbind(d, raw[c("VAR_STRATUM", "VAR_CLUSTER", "PERSON_FINWT0")])

designs <- list(
  weights = svydesign(ids = ~1, weights = ~PERSON_FINWT0, data = d),
  taylor = svydesign(ids = ~VAR_CLUSTER, strata = ~VAR_STRATUM, nest = TRUE, weights = ~PERSON_FINWT0, data = d),
  jk1 = svrepdesign(data = d, weights = ~PERSON_FINWT0, repweights = as.matrix(raw[paste0("PERSON_FINWT", 1:50)]), type = "JK1",
                    scale = 49 / 50, rscales = rep(1, 50), mse = TRUE, combined.weights = TRUE))

# ---- no cell under 10 people, 10 events or 10 non-events: NCI asks users not to publish small cells ---------------------
guard <- function(rows, y, axes) {
  rows <- rows[stats::complete.cases(rows[c(y, axes)]), ]
  cell <- if (length(axes)) interaction(lapply(rows[axes], droplevels)) else factor(rep("all", nrow(rows)))
  small <- c(table(cell), table(cell[rows[[y]] == 1]), table(cell[rows[[y]] == 0]))
  if (any(small < 10)) stop("small cell (fewer than 10 people, events or non-events): ", y, " by ", paste(axes, collapse = ","), ": ", paste(names(small)[small < 10], collapse = " "))
}
guard_model <- function(rows, formula) {
  f <- as.formula(formula); y <- all.vars(f)[1]
  rows <- rows[stats::complete.cases(rows[all.vars(f)]), ]
  for (term in attr(terms(f), "term.labels")) guard(rows, y, strsplit(term, ":")[[1]])
}

BY <- list("gender", "ethnicity", "disability", "lgbtq", c("gender", "ethnicity"), c("ethnicity", "disability"))
LEVELS <- c(list(NULL), BY)
MODELS <- list(
  list("mistrust", "gender + ethnicity + disability"), list("low_trust", "gender + ethnicity + disability"),
  list("treated_unfairly", "gender + ethnicity + disability"),
  list("mistrust", "gender * ethnicity", "gender:ethnicity"),
  list("mistrust", "gender * ethnicity + disability + age_band", c("gender:ethnicity", "age_band")),
  list("mistrust", "gender * ethnicity * disability", c("gender:ethnicity", "gender:disability", "ethnicity:disability", "gender:ethnicity:disability")),
  list("treated_unfairly", "ethnicity * disability", "ethnicity:disability"))
reference <- "gender=man;ethnicity=majority"
axes_text <- function(axes) if (length(axes)) paste(axes, collapse = ",") else "all"

for (design_name in names(designs)) {
  design <- designs[[design_name]]
  root <- paste0("hints6/", design_name, "/")
  levels_of <- function(y, axes) {
    guard(d, y, axes)
    emit_levels(paste0(root, y, "/levels/", axes_text(axes)), cell_cov(design, y, axes))
  }
  for (y in c("mistrust", "low_trust", "treated_unfairly")) {
    for (axes in LEVELS) levels_of(y, axes)
    emit_ciprop(paste0(root, y, "/ciprop"), design, y, c("logit", "mean"))
  }
  levels_of("mistrust", c("gender", "ethnicity", "disability"))
  levels_of("mistrust", "ethnicity_detail")

  for (model in MODELS) {
    formula <- paste(model[[1]], "~", model[[2]])
    guard_model(d, formula)
    fit <- tight_svyglm(formula, design)
    emit_logit(paste0(root, model[[1]], "/logit/", model[[2]]), fit, if (length(model) == 3) model[[3]])
    if (model[[2]] == "gender * ethnicity + disability + age_band") {
      grid <- rev(expand.grid(ethnicity = levels(d$ethnicity), gender = levels(d$gender)))
      pr <- predictions(fit, grid); df <- degf(fit$survey.design)
      emit_predictions(paste0(root, "mistrust/predictions/", model[[2]]), pr, df)
      emit_comparisons(paste0(root, "mistrust/predictions_{kind}/", model[[2]]), pr, df, reference)
    }
  }

  for (case in list(list("mistrust", c("gender", "ethnicity")), list("treated_unfairly", c("gender", "ethnicity")), list("treated_unfairly", c("ethnicity", "disability")))) {
    guard(d, case[[1]], case[[2]])
    cells <- cell_cov(design, case[[1]], case[[2]])
    base <- paste0(root, case[[1]], "/{kind}/", axes_text(case[[2]]))
    emit_interactions(base, cells)
    emit_comparisons(sub("{kind}", "levels_{kind}", base, fixed = TRUE), cells, cells$df, cells$name[1])
  }

  # a domain: its complement is guarded as well, so that no small cell can be had by subtraction
  under75 <- domain(design, d$age_band != "75+")
  rest <- d[is.na(d$age_band) | d$age_band == "75+", ]
  for (axes in list(NULL, c("gender", "ethnicity"))) {
    guard(under75$variables, "mistrust", axes); guard(rest, "mistrust", axes)
    emit_levels(paste0(root, "mistrust/levels/", axes_text(axes), "/domain:age_band!=75+"), cell_cov(under75, "mistrust", axes))
  }
  emit_logit(paste0(root, "mistrust/logit/gender * ethnicity/domain:age_band!=75+"), tight_svyglm("mistrust ~ gender * ethnicity", under75), "gender:ethnicity")
}
write_rows("hints6.csv")
