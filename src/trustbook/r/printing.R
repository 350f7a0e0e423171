# ---- how results are printed and tested: the same lines in each script of the book ----------------------------------------
table_of <- function(name, table) {                      # one table as comma-separated lines under its name
  text <- lapply(table, function(x) if (is.numeric(x)) sprintf("%.10g", x) else ifelse(grepl("[,\"]", x), dQuote(x, FALSE), as.character(x)))
  cat("# ", name, "\n", paste(names(table), collapse = ","), "\n", paste0(do.call(paste, c(unname(text), sep = ",")), "\n"), "\n", sep = "")
}
# R's "genderwoman:ethnicityminority" as "gender[T.woman]:ethnicity[T.minority]"
spelt <- function(names) vapply(strsplit(names, ":", fixed = TRUE), function(parts) paste(vapply(parts, function(part) {
  if (part == "(Intercept)") return("Intercept")
  for (axis in names(levels_of)) for (level in levels_of[[axis]]) if (part == paste0(axis, level)) return(sprintf("%s[T.%s]", axis, level))
  part
}, ""), collapse = ":"), "")
two_sided <- function(t, df) 2 * pt(-abs(t), df)
f_row <- function(term, rule, statistic, df_num, df_den)
  data.frame(term = term, rule = rule, statistic = statistic, df_num = df_num, df_den = df_den, p_value = pf(statistic, df_num, df_den, lower.tail = FALSE))
# The terms of a model in the order of the page; of a formula that was changed the new ones come last.
in_order <- function(terms) c(intersect(term_names, terms), setdiff(terms, term_names))
# The joint tests whose coefficients a model has.
tested_in <- function(terms) Filter(function(name) all(joint[[name]] %in% terms), names(joint))
