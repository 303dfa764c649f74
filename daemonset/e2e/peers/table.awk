# A table of samples: ORDER, MEASURE, WHO, BETTER (less or more), VALUE, sorted by the first three and the value.
# Between the two values that are nearest, so that the median of two is their mean.
function percentile(key, share,   at, below) {
  at = (count[key] - 1) * share + 1
  below = int(at)
  return at == below ? value[key, below] : value[key, below] + (at - below) * (value[key, below + 1] - value[key, below])
}
function figure(x) { return x >= 100 ? sprintf("%.0f", x) : x >= 10 ? sprintf("%.1f", x) : sprintf("%.2f", x) }
function cell(key) {
  return sprintf("%s (%s..%s)", figure(percentile(key, 0.5)), figure(percentile(key, 0.1)), figure(percentile(key, 0.9)))
}
{
  key = $1 SUBSEP $3
  if (!($1 in name)) { order[++measures] = $1; name[$1] = $2; better[$1] = $4 }
  if (!($3 in seen)) { seen[$3] = 1; if ($3 != "ikat") who[++others] = $3 }
  value[key, ++count[key]] = $5
}
END {
  printf "| measure | samples | Ikat |"
  for (i = 1; i <= others; i++) printf " %s | ratio |", who[i]
  printf "\n|---|---|---|"
  for (i = 1; i <= others; i++) printf "---|---|"
  printf "\n"
  for (m = 1; m <= measures; m++) {
    own = order[m] SUBSEP "ikat"
    # To ask for a count that there is not would make it.
    printf "| %s | %d | %s |", name[order[m]], own in count ? count[own] : 0, own in count ? cell(own) : ""
    for (i = 1; i <= others; i++) {
      theirs = order[m] SUBSEP who[i]
      if (!(theirs in count)) { printf " | |"; continue }
      if (!(own in count)) { printf " %s | |", cell(theirs); continue }
      a = percentile(own, 0.5); b = percentile(theirs, 0.5)
      ratio = better[order[m]] == "more" ? (b ? a / b : 0) : (a ? b / a : 0)
      printf " %s | %s |", cell(theirs), ratio ? sprintf("%.2fx", ratio) : ""
    }
    printf "\n"
  }
}
