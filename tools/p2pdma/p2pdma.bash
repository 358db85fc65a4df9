# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Completion of the command p2pdma: commands, options, devices, files.

# Addresses and names of functions below $root; with an argument, of providers only.
_p2pdma_devices() {
	local dev name
	# shellcheck disable=SC2154
	for dev in "$root"/sys/bus/pci/devices/*; do
		[ -e "$dev/class" ] || continue
		[ -z "${1:-}" ] || [ -e "$dev/p2pmem" ] || continue
		[ -z "${1:-}" ] && [[ $(<"$dev/class") == 0x0604* ]] && continue
		printf '%s\n' "${dev##*/}"
		# the command takes each of them
		for name in "$dev"/nvme/nvme* "$dev"/infiniband/* "$dev"/net/* \
			"$dev"/drm/renderD* "$dev"/drm/card* "$dev"/accel/* \
			"$dev"/dma/* "$dev"/misc/*; do
			[ -e "$name" ] || continue
			printf '%s\n' "${name##*/}"
		done
	done
}

_p2pdma() {
	local cur prev words cword i option command='' place=0
	local root=${P2PDMA_ROOT:-}
	# addresses have colons in them, at which bash breaks words
	if declare -F _get_comp_words_by_ref >/dev/null; then
		_get_comp_words_by_ref -n : cur prev words cword
	else
		cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
		words=("${COMP_WORDS[@]}") cword=$COMP_CWORD
	fi
	# bash breaks words at "=" too: then the option is one word further back
	if [ "$cur" = = ]; then
		cur=''
	elif [ "$prev" = = ] && ((cword >= 2)); then
		prev=${words[cword - 2]}
	fi
	local commands='topo route check plan verify policy watch bench collect help'
	local options='--json --color --width --root --from --pci-ids --help --version'

	for ((i = 1; i < cword; i++)); do
		case ${words[i]} in
		--color | --width | --root | --from | --pci-ids | --svg | --client | --provider | --file | --destructive | --require | --matrix | --direction | --size | --seconds | --count)
			option=${words[i]}
			i=$((i + 1))
			if [ "${words[i]}" = = ]; then
				i=$((i + 1))
			fi
			if [ "$option" = --root ] && ((i < cword)); then
				root=${words[i]}
			fi
			;;
		--root=*) root=${words[i]#*=} ;;
		-*) ;;
		*)
			if [ -z "$command" ]; then
				command=${words[i]}
			else
				place=$((place + 1))
			fi
			;;
		esac
	done
	case $command in
	topo) options+=' --tree --devices --matrix --dot --svg --all --client --provider' ;;
	route) options+=' --reasons' ;;
	check) options+=' --require --file' ;;
	verify | bench) options+=' --file --destructive --direction --size' ;;&
	bench | watch) options+=' --seconds' ;;&
	watch) options+=' --count' ;;
	help | collect) options=${options/--json /} ;;
	esac

	COMPREPLY=()
	case $prev in
	--color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur") ;;
	--matrix) mapfile -t COMPREPLY < <(compgen -W 'write read' -- "$cur") ;;
	--require) mapfile -t COMPREPLY < <(compgen -W 'bus host any' -- "$cur") ;;
	--direction) mapfile -t COMPREPLY < <(compgen -W 'write read both' -- "$cur") ;;
	--root) mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
	--from | --pci-ids | --svg | --file | --destructive) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
	--client) mapfile -t COMPREPLY < <(compgen -W "$(_p2pdma_devices)" -- "$cur") ;;
	--provider) mapfile -t COMPREPLY < <(compgen -W "$(_p2pdma_devices provider)" -- "$cur") ;;
	--width | --size | --seconds | --count) ;;
	*)
		if [[ $cur == -* ]]; then
			mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
		elif [ -z "$command" ] || { [ "$command" = help ] && [ "$place" -eq 0 ]; }; then
			mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur")
		else
			case $command:$place in
			route:[01] | verify:0 | bench:0) mapfile -t COMPREPLY < <(compgen -W "$(_p2pdma_devices)" -- "$cur") ;;
			verify:1 | bench:1) mapfile -t COMPREPLY < <(compgen -W "$(_p2pdma_devices provider)" -- "$cur") ;;
			policy:0) mapfile -t COMPREPLY < <(compgen -W 'show set' -- "$cur") ;;
			policy:*) mapfile -t COMPREPLY < <(compgen -W 'auto off switch host deny= trust= loopback=' -- "$cur") ;;
			collect:0) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
			watch:*) mapfile -t COMPREPLY < <(compgen -W 'route map_sg refused invalidate provider_add provider_remove' -- "$cur") ;;
			esac
		fi
		;;
	esac
	if declare -F __ltrim_colon_completions >/dev/null; then
		__ltrim_colon_completions "$cur"
	fi
}

complete -F _p2pdma p2pdma
