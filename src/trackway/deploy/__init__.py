"""What goes to a cluster: built by kustomize, checked before a cluster sees it, applied, watched until it is ready."""
