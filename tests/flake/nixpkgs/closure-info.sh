# closureInfo's two files. Nix has written closure-*: each store path, its deriver, how many references it has, those.
mkdir "$out"
declare -A seen
for graph in closure-*; do
  while read -r path; do
    read -r deriver
    read -r count
    references=
    for ((i = 0; i < count; i++)); do
      read -r reference
      references+=$reference$'\n'
    done
    [ -z "${seen[$path]-}" ] || continue
    seen[$path]=1
    size=$(nix-store --dump "$path" | wc -c)
    printf '%s\nsha256:%s\n%s\n\n%s\n%s' "$path" "$(nix-hash --type sha256 --base32 "$path")" "$size" "$count" \
      "$references" >> "$out/registration"
    echo "$path" >> "$out/store-paths"
  done < "$graph"
done
