# Makes a title fit for a URL: `Hello, World!` becomes `hello-world`.
slug() {
    printf '%s' "$1" | tr 'A-Z' 'a-z' | tr -c 'a-z0-9' '-' | sed 's/^-//; s/-$//'
}
