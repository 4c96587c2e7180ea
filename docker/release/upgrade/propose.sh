#!/bin/sh
# Opens a pull request with the locks that `make upgrade` has changed, and its report as the text. It needs gh, signed in
# (GH_TOKEN) with the right to push. Nothing happens where no lock has changed.
set -eu

cd "$(dirname "$0")/../../.."
version=$(sed -nE 's/^litellm==([^ ]+).*/\1/p' requirements/full.txt)
branch="upgrade/litellm-$version"

if git diff --quiet -- requirements; then
    echo "upgrade: no lock has changed; there is nothing to propose" >&2
    exit 0
fi
if [ ! -s upgrade.md ]; then
    printf '%s\n' "upgrade: there is no report" "  why: upgrade.md is missing" "  fix: make upgrade LITELLM=$version" >&2
    exit 66
fi
gh auth setup-git
if git ls-remote --exit-code origin "refs/heads/$branch" >/dev/null; then
    echo "upgrade: $branch is proposed already" >&2
    exit 0
fi
git switch --create "$branch"
git -c user.name="Slipway" -c user.email="slipway@users.noreply.github.com" \
    commit --quiet --message "LiteLLM $version" -- requirements
git push --quiet origin "$branch"
gh pr create --head "$branch" --title "LiteLLM $version" --body-file upgrade.md
