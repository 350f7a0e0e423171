# Groups of a design with a lonely stratum: svyby counts the strata of each group under lonely_psu = "average".
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])), "common.R"))
d <- read.csv(data_file("r_survey", "apiclus1.csv"))
d$above600 <- as.numeric(d$api00 > 600)
design <- svydesign(ids = ~1, weights = ~pw, strata = ~dnum, data = d)
for (policy in c("remove", "certainty", "adjust", "average")) {
  options(survey.lonely.psu = policy)
  for (axis in c("stype", "sch.wide", "comp.imp")) for (part in c("all", "E")) {
    used <- if (part == "E") domain(design, d$stype == "E") else design
    groups <- svyby(~above600, as.formula(paste0("~", axis)), used, svymean)
    scenario <- sprintf("lonely_groups/%s/%s/%s", policy, axis, part)
    names <- as.character(groups[[axis]])
    # the same by hand: each group alone
    alone <- vapply(names, function(g) SE(svymean(~above600, domain(used, used$variables[[axis]] == g)))[1], 0)
    same(SE(groups), alone, 1e-10, "svyby and each group alone")
    emit(scenario, "estimate", names, coef(groups))
    emit(scenario, "se", names, SE(groups))
  }
  fit <- tight_svyglm("above600 ~ sch.wide", design)   # a model counts the strata of everyone in it
  emit(sprintf("lonely_groups/%s/logit/all", policy), "se", c("Intercept", "sch.wide[T.Yes]"), sqrt(diag(vcov(fit))))
}
write_rows("lonely_groups.csv")
